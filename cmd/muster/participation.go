package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/musterhq/muster"
)

// A participation is how far one service is with one feature.
type participation struct {
	Service      string            `json:"service"`
	Constraint   muster.Constraint `json:"constraint"`
	MinInstances int               `json:"minInstances"`
	Versions     map[string]int    `json:"versions"` // members by version
	Members      int               `json:"members"`
	Live         int               `json:"live"`  // of the members
	Ready        int               `json:"ready"` // of these, that satisfy the constraint
	Acked        int               `json:"acked"` // of the live ones, the feature's current epoch
	Refused      int               `json:"refused"`
	Problem      string            `json:"problem,omitempty"`
}

// participations counts the instances of the feature's participants, sorted by
// service.
func participations(f muster.Feature, services map[string]muster.Service) []participation {
	all := make([]participation, 0, len(f.Spec.Participants))
	for _, name := range f.Spec.Services() {
		terms, svc := f.Spec.Participants[name], services[name]
		p := participation{
			Service: name, Constraint: terms.Version, MinInstances: terms.MinInstances, Versions: map[string]int{},
			Members: len(svc.Members), Refused: len(svc.Knocks), Problem: svc.Problem,
		}
		entry, known := svc.Sheet.Features[f.Status.Feature]
		for _, m := range svc.Members {
			p.Versions[or(m.Instance.Version, "unknown")]++
			if !m.Live {
				continue
			}
			p.Live++
			if terms.Version.Satisfied(m.Instance.Version) {
				p.Ready++
			}
			if known && m.Ack.Revision >= entry.Since {
				p.Acked++
			}
		}
		all = append(all, p)
	}
	return all
}

// needs shows what is asked of the service.
func (p participation) needs() string {
	if p.MinInstances > 1 {
		return fmt.Sprintf("%s, at least %d", p.Constraint, p.MinInstances)
	}
	return p.Constraint.String()
}

// fleet shows how many members run which version.
func (p participation) fleet() string {
	if len(p.Versions) == 0 {
		return "none"
	}
	var parts []string
	for _, version := range slices.Sorted(maps.Keys(p.Versions)) {
		parts = append(parts, fmt.Sprintf("%d of %s", p.Versions[version], version))
	}
	return strings.Join(parts, ", ")
}

// progress returns how many of how many instances have done what the next
// step of the feature waits for, and what that is.
func (p participation) progress(s muster.Status) (done, of int, what string) {
	of = max(p.Members, p.MinInstances)
	if s.Stage == muster.Off && s.Desired > muster.Off {
		return p.Ready, of, "ready"
	}
	return p.Acked, of, s.Stage.String()
}

package manifest

import (
	"slices"
	"strings"

	"github.com/musterhq/muster"
)

// order puts every spec behind those that it needs on, and leaves the order as
// it is otherwise. Specs that need one another in a circle are reported, each
// circle once.
func order(all []located) (ordered []located, errs []error) {
	at := make(map[string]int, len(all))
	for i, l := range all {
		at[l.spec.Feature] = i
	}
	needs := func(key string) []string {
		if i, here := at[key]; here {
			return all[i].spec.Prerequisites
		}
		return nil
	}
	var reported []string
	for _, l := range all {
		cycle := muster.Cycle(l.spec.Feature, needs)
		if cycle == nil || slices.Contains(reported, l.spec.Feature) {
			continue
		}
		reported = append(reported, cycle...)
		errs = append(errs, &muster.InvalidError{
			Field: "prerequisites", Source: l.needs,
			Problem: "form a cycle: " + strings.Join(cycle, " -> "),
		})
	}
	done := make(map[string]bool, len(all))
	var put func(key string)
	put = func(key string) {
		i, here := at[key]
		if !here || done[key] {
			return
		}
		done[key] = true
		for _, other := range all[i].spec.Prerequisites {
			put(other)
		}
		ordered = append(ordered, all[i])
	}
	for _, l := range all {
		put(l.spec.Feature)
	}
	return ordered, errs
}

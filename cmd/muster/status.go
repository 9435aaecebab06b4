package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// A featureStatus is what status tells of a feature; with -o json or yaml, as
// it stands here.
type featureStatus struct {
	Status       muster.Status    `json:"status"`
	Spec         muster.Spec      `json:"spec"`
	Pending      *muster.Spec     `json:"pending,omitempty"`
	Blockers     []muster.Blocker `json:"blockers"`
	Participants []participation  `json:"participants"`

	knocks []muster.Knock
}

func (p *program) status() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show where a feature stands and what it waits for",
		ArgsUsage: "KEY", Category: categoryFeatures,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "go on showing it at every change until interrupted"}},
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			args, err := arguments(c, "KEY")
			if err != nil {
				return err
			}
			if c.Bool("watch") {
				return watchStatus(c.Context, cl, out, args[0])
			}
			f, err := cl.Feature(c.Context, args[0])
			if err != nil {
				return err
			}
			s, err := statusOf(c.Context, cl, f)
			if err != nil {
				return err
			}
			return out.print(s, func() { s.show(out) })
		}),
	}
}

// statusOf adds to a feature what its participants' rosters say.
func statusOf(ctx context.Context, cl *client.Client, f muster.Feature) (featureStatus, error) {
	s := featureStatus{Status: f.Status, Spec: f.Spec, Pending: f.Pending, Blockers: nonNil(f.Blockers)}
	services := make(map[string]muster.Service, len(f.Spec.Participants))
	for _, name := range f.Spec.Services() {
		svc, err := cl.Service(ctx, name)
		if errors.Is(err, muster.ErrNotFound) {
			continue // nobody has registered it yet
		}
		if err != nil {
			return s, err
		}
		services[name] = svc
		for _, k := range svc.Knocks {
			for _, r := range k.Refusals {
				if r.Feature == f.Status.Feature {
					s.knocks = append(s.knocks, k)
				}
			}
		}
	}
	s.Participants = participations(f, services)
	return s, nil
}

// watchStatus shows the status at every change. On a terminal the picture is
// drawn anew, elsewhere the pictures follow one another.
func watchStatus(ctx context.Context, cl *client.Client, out *printer, key string) error {
	for f, err := range cl.Watch(ctx, key) {
		if err != nil {
			return err
		}
		s, err := statusOf(ctx, cl, f)
		if err != nil {
			return err
		}
		if err := out.next(s, func(out *printer) { s.show(out) }); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// show writes the status for people.
func (s featureStatus) show(out *printer) {
	st := s.Status
	out.line("%s", out.paint(bold, st.Feature))
	if s.Spec.Description != "" {
		out.line("%s", s.Spec.Description)
	}
	out.line("")
	stage := out.stage(st.Stage)
	if st.Stage != st.Desired {
		stage += " → " + out.stage(st.Desired)
	}
	out.line("stage    %s (epoch %d, gate %s)", stage, st.Epoch, st.Gate)
	out.line("desired  %s", out.stage(st.Desired))
	out.line("since    %s (%s)", stamp(st.Since), out.ago(st.Since))
	out.line("by       %s", or(st.By, "-"))
	out.line("why      %s", or(st.Why, "-"))
	out.line("spec     %s", specLine(st))
	if s.Spec.Owner != "" {
		out.line("owner    %s", s.Spec.Owner)
	}
	if len(s.Spec.Prerequisites) > 0 {
		out.line("needs    %s", strings.Join(s.Spec.Prerequisites, ", "))
	}
	out.line("")
	rows := make([][]string, len(s.Participants))
	for i, p := range s.Participants {
		rows[i] = []string{p.Service, p.needs(), p.fleet(), strconv.Itoa(p.Live), strconv.Itoa(p.Ready), strconv.Itoa(p.Acked), strconv.Itoa(p.Refused)}
	}
	out.table([]string{"SERVICE", "NEEDS", "INSTANCES", "LIVE", "READY", "ACKED", "REFUSED"}, rows)
	s.showWaiting(out)
}

func specLine(st muster.Status) string {
	switch {
	case st.Deleting:
		return fmt.Sprintf("revision %d, to be deleted when it is off everywhere", st.Spec)
	case st.Spec == 0:
		return fmt.Sprintf("revision %d, not in force yet", st.DesiredSpec)
	case st.Spec != st.DesiredSpec:
		return fmt.Sprintf("revision %d; revision %d is to come into force", st.Spec, st.DesiredSpec)
	}
	return fmt.Sprintf("revision %d", st.Spec)
}

// showWaiting names all that the feature waits for, and who waits for it.
func (s featureStatus) showWaiting(out *printer) {
	if rows := blockerRows(out, holding(s.Blockers)); len(rows) > 0 {
		out.line("")
		out.line("waits for")
		out.table([]string{"SERVICE", "INSTANCE", "VERSION", "REASON", "SINCE", "DETAIL"}, rows)
	}
	if len(s.knocks) > 0 {
		rows := make([][]string, len(s.knocks))
		for i, k := range s.knocks {
			rows[i] = []string{k.Instance.Service, k.Instance.ID, or(k.Instance.Version, "-"), refusedBy(k), out.ago(k.Since)}
		}
		out.line("")
		out.line("refused, and waiting at the gate (muster deactivate %s lets them in)", s.Status.Feature)
		out.table([]string{"SERVICE", "INSTANCE", "VERSION", "REFUSED BY", "SINCE"}, rows)
	}
}

// refusedBy names all features that keep an instance out: it is let in when none
// does any more.
func refusedBy(k muster.Knock) string {
	names := make([]string, len(k.Refusals))
	for i, r := range k.Refusals {
		names[i] = fmt.Sprintf("%s (%s)", r.Feature, r.Constraint)
	}
	return strings.Join(names, ", ")
}

// holding returns the blockers that hold the feature up. An instance that was
// refused waits for the feature, and not the feature for it.
func holding(blockers []muster.Blocker) []muster.Blocker {
	return slices.DeleteFunc(slices.Clone(blockers), func(b muster.Blocker) bool { return b.Reason == muster.ReasonKnock })
}

func blockerRows(out *printer, blockers []muster.Blocker) [][]string {
	rows := make([][]string, len(blockers))
	for i, b := range blockers {
		detail := b.Detail
		if !b.Until.IsZero() {
			detail += ", " + out.in(b.Until)
		}
		rows[i] = []string{or(b.Service, "-"), or(b.Instance, "-"), or(b.Version, "-"), string(b.Reason), out.ago(b.Since), detail}
	}
	return rows
}

// nonNil makes an absent list an empty one, which programs read more easily.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

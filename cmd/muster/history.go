package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

func (p *program) history() *cli.Command {
	return &cli.Command{
		Name: "history", Usage: "tell what changed, when, by whom and why; the newest first", ArgsUsage: "[KEY]", Category: categoryFeatures,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "service", Usage: "only what concerns this `SERVICE`"},
			&cli.StringFlag{Name: "since", Usage: "only from this `TIME` on: 2026-05-01T12:00:00Z, or 2h for two hours ago"},
			&cli.StringFlag{Name: "until", Usage: "only up to this `TIME`"},
			&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most this many `RECORDS`"},
		},
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			q := client.HistoryQuery{Service: c.String("service"), Limit: c.Int("limit")}
			if c.Args().Len() > 0 {
				args, err := arguments(c, "KEY")
				if err != nil {
					return err
				}
				q.Feature = args[0]
			}
			var err error
			if q.Since, err = moment(c, "since", out.now); err != nil {
				return err
			}
			if q.Until, err = moment(c, "until", out.now); err != nil {
				return err
			}
			records := make([]muster.Record, 0)
			for r, err := range cl.History(c.Context, q) {
				if err != nil {
					return err
				}
				records = append(records, r)
				if q.Limit > 0 && len(records) == q.Limit {
					break
				}
			}
			return out.print(records, func() {
				rows := make([][]string, len(records))
				for i, r := range records {
					rows[i] = recordRow(out, r)
				}
				out.table([]string{"TIME", "ACTION", "SUBJECT", "CHANGE", "BY", "WHY", "EVIDENCE"}, rows)
			})
		}),
	}
}

// moment reads a time, absolute or as long ago.
func moment(c *cli.Context, flag string, now time.Time) (time.Time, error) {
	text := c.String(flag)
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d.Abs()), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage(c.Command.HelpName, "--%s %q is neither a time such as 2026-05-01T12:00:00Z nor a duration such as 2h", flag, text)
}

func recordRow(out *printer, r muster.Record) []string {
	subject := r.Feature
	if subject == "" {
		subject = r.Service + "/" + r.Instance
	}
	change := "-"
	switch {
	case r.Action == muster.ActionApply || r.Action == muster.ActionAdopt:
		change = "spec " + strconv.FormatInt(r.Spec, 10)
	case r.Action == muster.ActionGate:
		change = "gate " + r.Gate.String()
	case r.From != r.To:
		change = out.stage(r.From) + " → " + out.stage(r.To)
	}
	var live, members int
	for _, e := range r.Evidence {
		live, members = live+e.Live, members+e.Members
	}
	evidence := "-"
	if len(r.Evidence) > 0 {
		evidence = fmt.Sprintf("%d of %d live in %d services", live, members, len(r.Evidence))
	}
	return []string{stamp(r.Time), string(r.Action), subject, change, or(r.By, "-"), or(r.Why, "-"), evidence}
}

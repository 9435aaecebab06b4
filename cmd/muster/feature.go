package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/manifest"
)

func (p *program) feature() *cli.Command {
	return &cli.Command{
		Name: "feature", Usage: "list, show and delete features", Category: categoryFeatures,
		Subcommands: []*cli.Command{p.featureList(), p.featureShow(), p.featureDelete()},
	}
}

func (p *program) featureList() *cli.Command {
	return &cli.Command{
		Name: "list", Aliases: []string{"ls"}, Usage: "list all features",
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			features, err := cl.Features(c.Context)
			if err != nil {
				return err
			}
			return out.print(nonNil(features), func() {
				rows := make([][]string, len(features))
				for i, f := range features {
					rows[i] = featureRow(out, f)
				}
				out.table([]string{"FEATURE", "STAGE", "DESIRED", "SINCE", "OWNER", "WAITS FOR"}, rows)
			})
		}),
	}
}

func featureRow(out *printer, f muster.Feature) []string {
	waits := "-"
	held := holding(f.Blockers)
	if len(held) > 0 {
		waits = held[0].String()
	}
	if len(held) > 1 {
		waits += fmt.Sprintf("; and %d more", len(held)-1)
	}
	st := f.Status
	return []string{st.Feature, out.stage(st.Stage), out.stage(st.Desired), out.ago(st.Since), or(f.Spec.Owner, "-"), waits}
}

func (p *program) featureShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show what was applied", ArgsUsage: "KEY",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "manifest", Usage: "print a manifest that can be applied again, whatever -o says"}},
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			args, err := arguments(c, "KEY")
			if err != nil {
				return err
			}
			f, err := cl.Feature(c.Context, args[0])
			if err != nil {
				return err
			}
			newest := f.Spec
			if f.Pending != nil {
				newest = *f.Pending
			}
			if c.Bool("manifest") {
				_, err := out.w.Write(manifest.Marshal(newest))
				return err
			}
			return out.print(f, func() { showFeature(out, f) })
		}),
	}
}

func showFeature(out *printer, f muster.Feature) {
	out.line("%s", out.paint(bold, f.Status.Feature))
	out.line("stage    %s, wanted %s", out.stage(f.Status.Stage), out.stage(f.Status.Desired))
	out.line("spec     %s", specLine(f.Status))
	out.line("")
	for line := range strings.Lines(string(manifest.Marshal(f.Spec))) {
		out.line("%s", strings.TrimSuffix(line, "\n"))
	}
	if f.Pending != nil {
		out.line("")
		out.line("applied as revision %d, and not in force yet:", f.Pending.Revision)
		out.line("")
		for line := range strings.Lines(string(manifest.Marshal(*f.Pending))) {
			out.line("%s", strings.TrimSuffix(line, "\n"))
		}
	}
}

func (p *program) featureDelete() *cli.Command {
	return &cli.Command{
		Name: "delete", Usage: "remove a feature as soon as it is off everywhere", ArgsUsage: "KEY",
		Flags: []cli.Flag{whyFlag()},
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			args, err := arguments(c, "KEY")
			if err != nil {
				return err
			}
			f, err := cl.Delete(c.Context, args[0], client.Why(c.String("why")))
			if err != nil {
				return err
			}
			return out.print(f, func() { out.line("%s: will be removed when it is off everywhere", f.Status.Feature) })
		}),
	}
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/manifest"
)

func (p *program) apply() *cli.Command {
	return &cli.Command{
		Name: "apply", Usage: "create or change features from manifests", Category: categoryFeatures,
		Description: "All manifests are read and checked before anything is applied: with an error in any\n" +
			"of them nothing changes. A change that cannot come into force yet waits, and status says for what.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "file", Aliases: []string{"f"}, Usage: "read `FILE`, a directory of *.yaml, *.yml and *.json, or - for standard input; may be repeated"},
			whyFlag(),
			&cli.BoolFlag{Name: "check", Usage: "only check the manifests; needs no agent"},
			&cli.BoolFlag{Name: "dry-run", Usage: "let an agent check everything, and change nothing"},
			&cli.BoolFlag{Name: "wait", Usage: "wait until everything is in force"},
			timeoutFlag(),
		},
		Action: p.answer(func(c *cli.Context, out *printer) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			files := c.StringSlice("file")
			if len(files) == 0 {
				return usage(c.Command.HelpName, "missing flag --file (-f)")
			}
			specs, err := manifest.Read(p.stdin, files...)
			if err != nil {
				return err
			}
			if c.Bool("check") {
				return out.print(specs, func() {
					for _, s := range specs {
						out.line("%s: valid", s.Feature)
					}
				})
			}
			return p.applySpecs(c, out, specs)
		}),
	}
}

// applySpecs has an agent check all specs, and applies them when it accepts
// them all.
func (p *program) applySpecs(c *cli.Context, out *printer, specs []muster.Spec) error {
	cl, err := p.client(c)
	if err != nil {
		return err
	}
	defer cl.Close()
	keys := make([]string, len(specs)) // they may need one another
	for i, s := range specs {
		keys[i] = s.Feature
	}
	features, err := applyEach(c.Context, cl, specs, client.DryRun(), client.Assume(keys...))
	if err != nil {
		return err
	}
	done := "would be applied"
	if !c.Bool("dry-run") {
		done = "applied"
		opts := []client.Option{client.Why(c.String("why"))}
		ctx := c.Context
		if c.Bool("wait") {
			var cancel context.CancelFunc
			ctx, cancel = deadline(c)
			defer cancel()
			opts = append(opts, client.Wait())
		}
		features, err = applyEach(ctx, cl, specs, opts...)
	}
	return errors.Join(err, out.print(features, func() {
		for _, f := range features {
			out.line("%s: %s, %s", f.Status.Feature, done, specLine(f.Status))
		}
	}))
}

// applyEach applies one spec after the other, also behind one that is refused,
// and returns what became of those that were not.
func applyEach(ctx context.Context, cl *client.Client, specs []muster.Spec, opts ...client.Option) ([]muster.Feature, error) {
	applied := make([]muster.Feature, 0, len(specs))
	var errs []error
	for _, s := range specs {
		f, err := cl.Apply(ctx, s, opts...)
		if err != nil {
			if errors.Is(err, client.ErrUnavailable) {
				return applied, err // nor would it be for the next
			}
			errs = append(errs, fmt.Errorf("apply %s: %w", s.Feature, err))
			continue
		}
		applied = append(applied, f)
	}
	return applied, errors.Join(errs...)
}

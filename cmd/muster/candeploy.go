package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// A deployability is the answer of can-deploy.
type deployability struct {
	Service  string           `json:"service"`
	Version  string           `json:"version"`
	Allowed  bool             `json:"allowed"`
	Refusals []muster.Refusal `json:"refusals"`
}

func (p *program) canDeploy() *cli.Command {
	return &cli.Command{
		Name: "can-deploy", Usage: "tell whether instances of a version would be let in now", ArgsUsage: "SERVICE@VERSION", Category: categoryFeatures,
		Description: "Exits with 0 when they would, and with 3 when a feature's gate refuses them. For pipelines,\nbefore a service is rolled back.",
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			args, err := arguments(c, "SERVICE@VERSION")
			if err != nil {
				return err
			}
			service, version, ok := strings.Cut(args[0], "@")
			if !ok || service == "" || version == "" {
				return usage(c.Command.HelpName, "%q is not SERVICE@VERSION, such as checkout@2.2.0", args[0])
			}
			refusals, err := cl.CanDeploy(c.Context, service, version)
			if err != nil {
				return err
			}
			d := deployability{Service: service, Version: version, Allowed: len(refusals) == 0, Refusals: nonNil(refusals)}
			err = out.print(d, func() {
				if d.Allowed {
					out.line("%s: yes, no feature refuses it", args[0])
					return
				}
				out.line("%s: no", args[0])
				rows := make([][]string, len(refusals))
				for i, r := range refusals {
					rows[i] = []string{r.Feature, out.stage(r.Stage), r.Constraint.String(), "muster deactivate " + r.Feature}
				}
				out.table([]string{"FEATURE", "STAGE", "NEEDS", "WAY OUT"}, rows)
			})
			if err == nil && !d.Allowed {
				err = &codeError{code: exitRefused} // the answer has said why
			}
			return err
		}),
	}
}

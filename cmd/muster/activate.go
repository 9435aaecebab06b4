package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

func whyFlag() cli.Flag {
	return &cli.StringFlag{Name: "why", Usage: "the `REASON`, for the history"}
}

func timeoutFlag() cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Value: 5 * time.Minute, EnvVars: env("timeout"), Usage: "give up waiting after this `TIME`; 0 for never"}
}

func commandFlags() []cli.Flag {
	return []cli.Flag{
		whyFlag(),
		&cli.BoolFlag{Name: "wait", Usage: "wait until it is done, or say what it waits for"},
		timeoutFlag(),
	}
}

func (p *program) activate() *cli.Command {
	return &cli.Command{
		Name: "activate", Usage: "turn a feature on, as soon as every instance is ready", ArgsUsage: "KEY",
		Category: categoryFeatures, Flags: commandFlags(),
		Action: p.command(muster.On, (*client.Client).Activate),
	}
}

func (p *program) deactivate() *cli.Command {
	return &cli.Command{
		Name: "deactivate", Usage: "turn a feature off, and let old instances in again", ArgsUsage: "KEY",
		Category: categoryFeatures, Flags: commandFlags(),
		Action: p.command(muster.Off, (*client.Client).Deactivate),
	}
}

func (p *program) kill() *cli.Command {
	return &cli.Command{
		Name: "kill", Usage: "stop a feature in an emergency: no instance sends the new form any more", ArgsUsage: "KEY",
		Category: categoryFeatures, Flags: commandFlags(),
		Action: p.command(muster.Off, (*client.Client).Kill),
	}
}

// A sender sends one of these commands to an agent.
type sender func(cl *client.Client, ctx context.Context, key string, opts ...client.Option) (muster.Feature, error)

// command is the action of the commands that say where a feature shall go.
func (p *program) command(target muster.Stage, send sender) cli.ActionFunc {
	return p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
		args, err := arguments(c, "KEY")
		if err != nil {
			return err
		}
		f, err := send(cl, c.Context, args[0], client.Why(c.String("why")))
		if err != nil {
			return err
		}
		if c.Bool("wait") {
			if f, err = p.await(c, cl, args[0], target); err != nil {
				return err
			}
		}
		return out.print(f, func() {
			out.line("%s", summary(featureStatus{Status: f.Status, Blockers: f.Blockers}))
			if f.Status.Stage != target && !c.Bool("wait") {
				out.line("wait for it with: muster wait %s --stage %s", args[0], target)
			}
		})
	})
}

func (p *program) wait() *cli.Command {
	return &cli.Command{
		Name: "wait", Usage: "wait until a feature has reached a stage", ArgsUsage: "KEY", Category: categoryFeatures,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "stage", Value: "on", Usage: "the `STAGE` to wait for: off, accept or on"},
			timeoutFlag(),
		},
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			args, err := arguments(c, "KEY")
			if err != nil {
				return err
			}
			target, err := muster.ParseStage(c.String("stage"))
			if err != nil {
				return usage(c.Command.HelpName, "%v", err)
			}
			f, err := p.await(c, cl, args[0], target)
			if err != nil {
				return err
			}
			return out.print(f, func() { out.line("%s", summary(featureStatus{Status: f.Status})) })
		}),
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster/agent"
	"github.com/musterhq/muster/internal/zkserver"
)

func (p *program) dev() *cli.Command {
	return &cli.Command{
		Name: "dev", Usage: "run a server and an agent in one process, for laptops and tests", Category: categoryProcesses,
		Description: "The server speaks ZooKeeper's protocol and is a single one: never use it in production.\n" +
			"Give port 0 for any free port; the addresses are printed.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "zk", Value: defaultZooKeeper, EnvVars: env("dev-zk"), Usage: "`ADDRESS` on which the server listens"},
			&cli.StringFlag{Name: "data", EnvVars: env("dev-data"), Usage: "`DIRECTORY` in which the server keeps its data; default: in memory"},
		}, agentFlags("warning")...),
		Action: p.answer(func(c *cli.Context, out *printer) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return p.runDev(c, out)
		}),
	}
}

// runDev runs the server and the agent until it is interrupted. The agent ends
// first, so that it can say goodbye.
func (p *program) runDev(c *cli.Context, out *printer) error {
	log, err := p.logger(c)
	if err != nil {
		return err
	}
	server, err := zkserver.New(zkserver.Config{Addr: c.String("zk"), DataDir: c.String("data"), Logger: log.Infof})
	if err != nil {
		return listenHint(err, "--zk")
	}
	serving, stop := context.WithCancel(context.WithoutCancel(c.Context))
	var g errgroup.Group
	g.Go(func() error {
		err := server.Run(serving)
		if err != nil {
			log.WithError(err).Error("the server failed")
		}
		return err
	})
	err = func() error {
		cfg := agentConfig(c, log)
		cfg.ZooKeeper = []string{server.Addr()}
		a, err := agent.New(cfg)
		if err != nil {
			return listenHint(err, "--grpc or --http")
		}
		greet(out, c.String("data"), server.Addr(), a)
		return a.Run(c.Context)
	}()
	stop()
	return errors.Join(err, g.Wait())
}

// listenHint says what to do about an address that is taken.
func listenHint(err error, flag string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w (give another with %s; port 0 is any free one)", err, flag)
	}
	return err
}

// greet says where everything listens, and what to type next.
func greet(out *printer, data, zk string, a *agent.Agent) {
	kept := "in memory"
	if data != "" {
		kept = "in " + data
	}
	out.line("muster dev, for laptops and tests only")
	out.line("  ZooKeeper  %s (%s)", zk, kept)
	out.line("  gRPC       %s", or(a.Addr(), "-"))
	out.line("  HTTP       %s", or(a.HTTPAddr(), "-"))
	join, operate := "", ""
	if zk != defaultZooKeeper {
		join = " --zk " + zk
	}
	if a.Addr() != defaultGRPC {
		operate = " --agent " + a.Addr()
	}
	out.line("")
	out.line("in other terminals")
	out.line("  muster join --service checkout --version 2.0.0%s", join)
	out.line("  muster service list%s", operate)
	out.line("  muster apply -f FILE%s", operate)
}

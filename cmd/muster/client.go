package main

import (
	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster/client"
)

// Where everything listens when nothing else is said.
const (
	defaultZooKeeper = "127.0.0.1:2181"
	defaultGRPC      = "127.0.0.1:7420"
	defaultHTTP      = "127.0.0.1:7421"
)

// globalFlags are those that every command understands.
func globalFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "agent", Value: defaultGRPC, EnvVars: env("agent"), Usage: "`ADDRESSES` of the agents, separated by commas; the next is tried when one does not answer"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: formatTable, EnvVars: env("output"), Usage: "`FORMAT` of the answer: table for people, json or yaml for programs"},
		&cli.StringFlag{Name: "config", Value: configPath(), DefaultText: "~/.config/muster/config.yaml", EnvVars: env("config"), Usage: "configuration `FILE`"},
		secretFlag("token", "the token by which the agents know us"),
		&cli.BoolFlag{Name: "insecure-token", EnvVars: env("insecure-token"), Usage: "send the token without TLS to other hosts, too"},
	}, tlsFlags("tls", "the agents")...)
}

// client returns a client of the agents that the command line names.
func (p *program) client(c *cli.Context) (*client.Client, error) {
	cfg := client.Config{Addrs: split(c.String("agent")), Insecure: c.Bool("insecure-token")}
	if len(cfg.Addrs) == 0 {
		return nil, usage("", "no agent is named: give --agent, or set %s", env("agent")[0])
	}
	var err error
	if cfg.TLS, err = tlsConfig(c, "tls"); err != nil {
		return nil, err
	}
	if cfg.Token, err = secret(c, "token"); err != nil {
		return nil, err
	}
	cl, err := client.New(cfg)
	if err != nil {
		return nil, usage("", "%v", err)
	}
	return cl, nil
}

package main

import (
	"time"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster/agent"
)

func (p *program) agent() *cli.Command {
	return &cli.Command{
		Name: "agent", Usage: "run an agent: it answers, takes commands and, when it leads, moves features", Category: categoryProcesses,
		Description: "Run two or three, on different machines, for one ensemble; they elect one that leads.\n" +
			"An agent keeps nothing on disk.",
		Flags: append([]cli.Flag{
			zkFlag(),
			&cli.DurationFlag{Name: "zk-tick", EnvVars: env("zk-tick"), Usage: "tickTime of servers that do not tell it, a `TIME`; default: 2s"},
			&cli.IntFlag{Name: "zk-sync-limit", EnvVars: env("zk-sync-limit"), Usage: "syncLimit of servers that do not tell it, a `NUMBER` of ticks; default: 5"},
		}, append(zkSecurityFlags(), agentFlags("info")...)...),
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			log, err := p.logger(c)
			if err != nil {
				return err
			}
			cfg := agentConfig(c, log)
			if cfg.ZooKeeper = split(c.String("zk")); len(cfg.ZooKeeper) == 0 {
				return usage(c.Command.HelpName, "--zk names no server")
			}
			cfg.ZKTick, cfg.ZKSyncLimit = c.Duration("zk-tick"), c.Int("zk-sync-limit")
			if cfg.Auth, err = secret(c, "zk-auth"); err != nil {
				return err
			}
			if cfg.ZKTLS, err = tlsConfig(c, "zk"); err != nil {
				return err
			}
			a, err := agent.New(cfg)
			if err != nil {
				return listenHint(err, "--grpc or --http")
			}
			log.WithFields(logrus.Fields{"grpc": a.Addr(), "http": a.HTTPAddr(), "zookeeper": cfg.ZooKeeper}).Info("agent listens")
			return a.Run(c.Context)
		},
	}
}

// agentFlags are those that dev has as well.
func agentFlags(level string) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "root", Value: "/muster", EnvVars: env("root"), Usage: "`ZNODE` below which everything lies"},
		&cli.StringFlag{Name: "grpc", Value: defaultGRPC, EnvVars: env("grpc"), Usage: "`ADDRESS` on which the API listens; empty for none"},
		&cli.StringFlag{Name: "http", Value: defaultHTTP, EnvVars: env("http"), Usage: "`ADDRESS` on which health and metrics are served; empty for none"},
		&cli.StringFlag{Name: "name", EnvVars: env("name"), Usage: "`NAME` of the agent in the history; default: drawn from host and process"},
		&cli.DurationFlag{Name: "session-timeout", EnvVars: env("session-timeout"), Usage: "`TIME` after which ZooKeeper gives a silent agent up; default: 8s"},
		&cli.DurationFlag{Name: "quarantine", EnvVars: env("quarantine"), Usage: "`TIME` for which every vanished instance still counts; default: reckoned for each from its lease and the servers' settings"},
		&cli.IntFlag{Name: "history-keep", EnvVars: env("history-keep"), Usage: "`NUMBER` of audit records that are kept; default: 10000"},
		&cli.StringFlag{Name: "log-level", Value: level, EnvVars: env("log-level"), Usage: "least `LEVEL` that is logged: debug, info, warn or error"},
		&cli.StringFlag{Name: "log-format", Value: "text", EnvVars: env("log-format"), Usage: "`FORMAT` of the log: text or json"},
	}, accessFlags()...)
}

// accessFlags say who may call the API, and how it is served.
func accessFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "access", EnvVars: env("access"), Usage: "`FILE` that names the callers and their roles; without it everybody on this host may do everything"},
		&cli.StringFlag{Name: "server-cert", EnvVars: env("server-cert"), Usage: "`FILE` of the API's certificate; serve TLS"},
		&cli.StringFlag{Name: "server-key", EnvVars: env("server-key"), Usage: "`FILE` of its key"},
		&cli.StringFlag{Name: "client-ca", EnvVars: env("client-ca"), Usage: "`FILE` of the authorities whose certificates tell callers"},
		&cli.BoolFlag{Name: "insecure", EnvVars: env("insecure"), Usage: "let other hosts reach an API that is open, or tokens that travel without TLS"},
	}
}

func zkFlag() cli.Flag {
	return &cli.StringFlag{Name: "zk", Value: defaultZooKeeper, EnvVars: env("zk"), Usage: "`ADDRESSES` of the ZooKeeper servers, separated by commas"}
}

// zkSecurityFlags say how to speak to the ZooKeeper servers.
func zkSecurityFlags() []cli.Flag {
	return append(tlsFlags("zk", "the ZooKeeper servers"), secretFlag("zk-auth", "the digest credential for ZooKeeper, user:password"))
}

// agentConfig returns what the flags say; the servers are left to the caller.
func agentConfig(c *cli.Context, log *logrus.Logger) agent.Config {
	return agent.Config{
		Root: c.String("root"), GRPC: c.String("grpc"), HTTP: c.String("http"), Name: c.String("name"),
		SessionTimeout: c.Duration("session-timeout"), Quarantine: c.Duration("quarantine"), HistoryKeep: c.Int("history-keep"),
		Logger: log,
		API: agent.APIConfig{
			Access: c.String("access"), CertFile: c.String("server-cert"), KeyFile: c.String("server-key"), ClientCAFile: c.String("client-ca"),
			Insecure: c.Bool("insecure"), Version: thisBuild().Version,
		},
	}
}

// logger returns the log of a process, which goes to standard error.
func (p *program) logger(c *cli.Context) (*logrus.Logger, error) {
	log := logrus.New()
	log.SetOutput(p.stderr)
	level, err := logrus.ParseLevel(c.String("log-level"))
	if err != nil {
		return nil, usage(c.Command.HelpName, "--log-level %q is not one of debug, info, warn, error", c.String("log-level"))
	}
	log.SetLevel(level)
	switch c.String("log-format") {
	case "text":
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: time.RFC3339, DisableColors: terminalWidth(p.stderr) == 0 || !colorWanted()})
	case "json":
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano})
	default:
		return nil, usage(c.Command.HelpName, "--log-format %q is not one of text, json", c.String("log-format"))
	}
	return log, nil
}

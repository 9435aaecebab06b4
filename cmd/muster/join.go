package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// silenceLimit is how long join tries before it says that nobody answers.
const silenceLimit = 3 * time.Second

func (p *program) join() *cli.Command {
	return &cli.Command{
		Name: "join", Usage: "join as an instance, alone or with a command", ArgsUsage: "[-- COMMAND …]", Category: categoryProcesses,
		Description: "Prints one line of JSON for each change: joined, refused, stale, stage, fenced, resumed, left.\n" +
			"A version that a gate refuses waits, and joins when it is admitted. With a COMMAND the\n" +
			"instance is that command: it starts when it is admitted, its standard output goes to\n" +
			"standard error (unless --events is given), signals are forwarded, its exit code is ours,\n" +
			"and the instance leaves when it ends.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "service", EnvVars: env("service"), Usage: "`NAME` of the service"},
			&cli.StringFlag{Name: "version", EnvVars: env("version"), Usage: "semantic `VERSION` of the instance"},
			&cli.StringFlag{Name: "id", EnvVars: env("instance"), Usage: "`NAME` of the instance; default: drawn from the host's"},
			&cli.StringSliceFlag{Name: "label", Usage: "`KEY=VALUE` such as zone=a; may be repeated"},
			&cli.StringFlag{Name: "address", EnvVars: env("address"), Usage: "`ADDRESS` of the instance, for people to read"},
			&cli.StringFlag{Name: "events", Usage: "write the lines of JSON to this `FILE` or pipe, and leave standard output to the command"},
			&cli.StringFlag{Name: "root", Value: "/muster", EnvVars: env("root"), Usage: "`ZNODE` below which everything lies"},
			&cli.DurationFlag{Name: "session-timeout", EnvVars: env("session-timeout"), Usage: "`TIME` for which ZooKeeper keeps the instance live without a sign of it; default: 8s"},
			&cli.DurationFlag{Name: "lease", EnvVars: env("lease"), Usage: "`TIME` without contact after which features behave by their onDisconnect; default: one and a half session timeouts"},
			&cli.StringFlag{Name: "snapshot", EnvVars: env("snapshot"), Usage: "`FILE` in which the stages in force are kept, for a start without ZooKeeper"},
			zkFlag(),
		}, zkSecurityFlags()...),
		Action: p.runJoin,
	}
}

// runJoin is an instance from its joining to its leaving.
func (p *program) runJoin(c *cli.Context) (err error) {
	if extra := c.Args().Len() - len(p.child); extra > 0 {
		return usage(c.Command.HelpName, "unexpected argument %q: a command goes behind --", c.Args().First())
	}
	cfg, err := joinConfig(c)
	if err != nil {
		return err
	}
	out, shut, err := p.eventOutput(c.String("events"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shut()) }()
	log := &eventLog{service: cfg.Service, instance: cfg.ID, version: cfg.Version, w: out}
	cfg.Logger = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))

	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	silence := time.AfterFunc(silenceLimit, func() {
		fmt.Fprintf(p.stderr, "muster: ZooKeeper does not answer at %s; going on trying (is it running there? name others with --zk)\n", c.String("zk"))
	})
	defer silence.Stop()
	joined, once := make(chan struct{}), sync.Once{}
	cfg.Events = func(e sdk.Event) {
		if e.Kind == sdk.EventJoined || e.Kind == sdk.EventRefused {
			silence.Stop() // it was ZooKeeper who said so
		}
		log.write(e)
		if log.failed() != nil {
			cancel() // nobody listens any more
		}
		if e.Kind == sdk.EventJoined {
			once.Do(func() { close(joined) })
		}
	}
	m, err := sdk.Open(ctx, cfg)
	if m == nil {
		return openError(ctx, c, err)
	}
	code, err := p.attend(ctx, c, cfg, joined)
	err = errors.Join(err, m.Close(), log.failed())
	if code != exitDone {
		return &codeError{code, err}
	}
	return err
}

// attend stays until the instance shall leave: until ctx ends, or until its
// command does.
func (p *program) attend(ctx context.Context, c *cli.Context, cfg sdk.Config, joined <-chan struct{}) (code int, err error) {
	if len(p.child) == 0 {
		<-ctx.Done()
		return exitDone, nil
	}
	select {
	case <-ctx.Done():
		return exitDone, nil
	case <-joined: // G2: a version that the gate refuses does not run
	}
	ch := child{
		command: p.child,
		env:     []string{"MUSTER_SERVICE=" + cfg.Service, "MUSTER_VERSION=" + cfg.Version, "MUSTER_INSTANCE=" + cfg.ID},
		stdin:   p.stdin, stdout: p.stderr, stderr: p.stderr,
	}
	if events := c.String("events"); events != "" {
		ch.stdout = p.stdout
		ch.env = append(ch.env, "MUSTER_EVENTS="+events)
	}
	return ch.run(ctx)
}

// openError is why the instance could not be opened. To be interrupted before
// it has joined is no error.
func openError(ctx context.Context, c *cli.Context, err error) error {
	if invalid := (*muster.InvalidError)(nil); errors.As(err, &invalid) {
		return usage(c.Command.HelpName, "%v", invalid)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// joinConfig returns what the flags say.
func joinConfig(c *cli.Context) (sdk.Config, error) {
	cfg := sdk.Config{
		Service: c.String("service"), Version: c.String("version"), ID: cmp.Or(c.String("id"), drawnID()),
		Servers: split(c.String("zk")), Root: c.String("root"), Address: c.String("address"),
		SessionTimeout: c.Duration("session-timeout"), Lease: c.Duration("lease"), Snapshot: c.String("snapshot"),
	}
	for _, name := range []string{"service", "version"} {
		if !c.IsSet(name) {
			return cfg, usage(c.Command.HelpName, "missing flag --%s", name)
		}
	}
	for _, label := range c.StringSlice("label") {
		key, value, ok := strings.Cut(label, "=")
		if !ok {
			return cfg, usage(c.Command.HelpName, "label %q is not key=value", label)
		}
		if cfg.Labels == nil {
			cfg.Labels = make(map[string]string)
		}
		cfg.Labels[key] = value
	}
	var err error
	if cfg.Auth, err = secret(c, "zk-auth"); err != nil {
		return cfg, err
	}
	cfg.TLS, err = tlsConfig(c, "zk")
	return cfg, err
}

// drawnID names an instance that was given no name. It is drawn here, and not
// by the SDK, because every line names it.
func drawnID() string {
	host, err := os.Hostname()
	if err != nil || muster.ValidateInstance(host) != nil || len(host) > muster.MaxName-5 {
		host = "instance"
	}
	return host + "-" + strings.ToLower(rand.Text()[:4])
}

// eventOutput returns where the lines of JSON go.
func (p *program) eventOutput(path string) (w io.Writer, shut func() error, err error) {
	if path == "" {
		return p.stdout, func() error { return nil }, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("write events: %w", err)
	}
	return f, f.Close, nil
}

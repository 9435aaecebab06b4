// Package service is what the shop's three programs have in common: flags, the
// feature, an HTTP server that says when it is not ready, and calls to the
// next service.
package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// Feature is the feature that the shop is about.
const Feature = "structured-address"

// Env is what a service's handler works with.
type Env struct {
	Instance, Version string
	// Address answers, for a request, whether to send the new form and whether
	// to understand it.
	Address Switch
	// Next is the service that this one calls.
	Next *Upstream
}

// Switch is a feature as a handler asks for it; a muster flag is one.
type Switch interface {
	Enabled(ctx context.Context) bool // send the new form
	Accepts(ctx context.Context) bool // understand it
}

// options are the flags of every service.
type options struct {
	name, version, id, listen string
	zk, root                  string
	next, plain               string
	session, lease            time.Duration
}

func parse(name string, args []string) (options, error) {
	o := options{name: name}
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.StringVar(&o.version, "version", "2.0.0", "version to run as; before 2.0.0 only one-line addresses are known")
	fs.StringVar(&o.id, "id", "", "name of this instance; default: drawn")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to serve HTTP on")
	fs.StringVar(&o.zk, "zk", "127.0.0.1:2181", "ZooKeeper servers, separated by commas")
	fs.StringVar(&o.root, "root", "/muster", "root of muster's tree")
	fs.StringVar(&o.next, "next", "", "addresses of the next service's instances, separated by commas")
	fs.StringVar(&o.plain, "plain-flag", "", "URL of a plain flag to obey instead of muster, for contrast")
	fs.DurationVar(&o.session, "session-timeout", 0, "ZooKeeper session time-out; default: the SDK's")
	fs.DurationVar(&o.lease, "lease", 0, "lease; default: the SDK's")
	return o, fs.Parse(args)
}

// Main runs the service called name until it is told to stop. build makes its
// handler.
func Main(name string, build func(Env) http.Handler) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(name, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o, build)
	}
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
}

func run(ctx context.Context, o options, build func(Env) http.Handler) error {
	v, err := semver.NewVersion(o.version)
	if err != nil {
		return fmt.Errorf("version %q: %w", o.version, err)
	}
	source, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer source.close()
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	env := Env{Instance: o.id, Version: o.version, Next: newUpstream(o.next)}
	env.Address = source.address
	if v.Major() < 2 {
		env.Address = unknown{} // this version was built before the feature was
	}
	handler := source.guard(build(env))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() {
		// Requests under way are answered; new ones go elsewhere.
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // an error only says that the grace was over
	})
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// joining is how long a service waits to join before it serves its readiness.
const joining = 3 * time.Second

// source is where a service has its switch from: muster, or a plain flag.
type source struct {
	address Switch
	guard   func(http.Handler) http.Handler // pins requests; refuses them while unready
	close   func()
}

func open(ctx context.Context, o options) (*source, error) {
	if o.plain != "" {
		return openPlain(ctx, o.plain), nil
	}
	ctx, cancel := context.WithTimeout(ctx, joining)
	defer cancel()
	m, err := sdk.Open(ctx, sdk.Config{
		Service: o.name, Version: o.version, ID: o.id,
		Servers: strings.Split(o.zk, ","), Root: o.root,
		SessionTimeout: o.session, Lease: o.lease,
	})
	var refused *muster.RefusedError
	if err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	if refused != nil { // it waits at the gate, says that it is not ready, and is let in when it may
		log.Print(refused)
	}
	return &source{
		address: m.Bool(Feature, false),
		guard: func(h http.Handler) http.Handler {
			pinned := m.Handler(h)
			mux := http.NewServeMux()
			mux.Handle("GET /ready", m.ReadyHandler())
			mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				if err := m.Ready(); err != nil {
					http.Error(w, err.Error(), http.StatusServiceUnavailable)
					return
				}
				pinned.ServeHTTP(w, r)
			})
			return mux
		},
		close: func() { _ = m.Close() }, // the process ends; the registry notices
	}, nil
}

// unknown is a feature in code that was written before it.
type unknown struct{}

func (unknown) Enabled(context.Context) bool { return false }
func (unknown) Accepts(context.Context) bool { return false }

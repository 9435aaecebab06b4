// Command node is an instance in a chaos run: a small service with the SDK in
// it, as a user would write it. It serves HTTP, each request pinned, and calls
// random instances of the other services without end. It sends the new form
// when the feature is enabled for the request, and tells its driver of every
// request in the new form that it is handed and does not understand; see
// package told.
//
// Versions below 2 are the old code: they know nothing of the new form, and
// send the old one whatever a flag says.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/musterhq/muster/integration/chaos/told"
	"github.com/musterhq/muster/sdk"
)

// Transit is how long a caller waits for an answer. A request that reaches its
// receiver later has been given up: by then it may be the last word of a
// process that is long dead, which a network is free to deliver. Receivers
// refuse it, as those do that heed a deadline.
const transit = 2 * time.Second

// settings are what the driver says.
type settings struct {
	cfg     sdk.Config
	listen  string
	feature string
	peers   map[string][]string // addresses by service; not its own
	pause   time.Duration       // between calls, on average
	long    time.Duration       // the longest that a long request takes
	noGate  bool
}

func main() {
	if err := run(parse()); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func parse() settings {
	s := settings{peers: make(map[string][]string)}
	flag.StringVar(&s.cfg.Service, "service", "", "`NAME` of the service")
	flag.StringVar(&s.cfg.ID, "id", "", "`NAME` of the instance")
	flag.StringVar(&s.cfg.Version, "version", "", "`VERSION` of the code")
	flag.DurationVar(&s.cfg.SessionTimeout, "session-timeout", 0, "`TIME` for ZooKeeper")
	flag.DurationVar(&s.cfg.Lease, "lease", 0, "`TIME` of the lease")
	flag.DurationVar(&s.cfg.Drain, "drain", 0, "`TIME` that pinned requests get")
	flag.StringVar(&s.listen, "listen", "", "`ADDRESS` to serve on")
	flag.StringVar(&s.feature, "feature", "", "`KEY` of the feature")
	flag.DurationVar(&s.pause, "pause", 50*time.Millisecond, "`TIME` between calls, on average")
	flag.DurationVar(&s.long, "long", 9*time.Second, "`TIME` that the longest requests take")
	flag.BoolVar(&s.noGate, "no-gate", false, "read every gate as open, to see the checker find what the gate prevents")
	flag.Func("zk", "`ADDRESSES` of ZooKeeper", func(v string) error {
		s.cfg.Servers = strings.Split(v, ",")
		return nil
	})
	flag.Func("peers", "`SERVICE=ADDRESS,…` to call; may be repeated", func(v string) error {
		service, addrs, found := strings.Cut(v, "=")
		if !found {
			return fmt.Errorf("%q is not SERVICE=ADDRESS,…", v)
		}
		s.peers[service] = strings.Split(addrs, ",")
		return nil
	})
	flag.Parse()
	return s
}

// run serves until it is told to end, and then leaves in good order.
func run(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s.cfg.Address = s.listen
	s.cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	if s.noGate {
		s.cfg.Dial = dialGateless
	}
	n := newNode(s)
	s.cfg.Events = n.told
	joining, cancel := context.WithTimeout(ctx, time.Second)
	client, err := sdk.Open(joining, s.cfg) // one that is refused waits at the gate, unready
	cancel()
	if client == nil {
		return err
	}
	n.attach(client)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: n.handler(), ReadHeaderTimeout: time.Minute}
	var background, calls sync.WaitGroup
	background.Go(func() { _ = server.Serve(listener) }) // ends with Close
	quiet, cancel := context.WithCancel(context.Background())
	background.Go(func() { n.report(quiet) })
	calls.Go(func() { n.call(ctx, &calls) })
	<-ctx.Done()
	err = client.Close() // says not ready, and waits for what is in flight
	calls.Wait()
	cancel()
	_ = server.Close() // what is left is unready requests
	background.Wait()
	last := new(told.Ended)
	if err != nil {
		last.Err = err.Error()
	}
	n.say(told.Line{Ended: last})
	return nil
}

// Command demo shows muster's main job with real processes and nothing but Go:
// a shop of three services is upgraded one instance at a time under traffic,
// with crashes, while its feature is being activated and the leading agent is
// killed; then one instance is rolled back. For contrast the same upgrade is
// shown with a plain flag.
//
// It ends with what the traffic checker counted, and with an error unless muster
// made no mixed-version error and the plain flag made some.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	keep := flag.String("keep", "", "folder to keep the programs and the logs of all processes in; default: none")
	flag.Parse()
	if err := run(ctx, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("the demo takes about a minute, and five were not enough"))
	defer cancel()
	if dir == "" {
		tmp, err := os.MkdirTemp("", "muster-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	s := newScreen(os.Stdout)
	s.say("building muster and the shop")
	if err := build(ctx, dir); err != nil {
		return err
	}
	s.chapter("With muster: structured-address goes on when every instance is ready")
	withMuster, err := tell(ctx, dir, s)
	if err != nil {
		return err
	}
	s.chapter("For contrast, a plain flag: flipped when most are upgraded")
	withFlag, err := contrast(ctx, dir, s.say)
	if err != nil {
		return err
	}
	return verdict(s, withMuster, withFlag)
}

// verdict prints what was counted and says whether it is what was promised.
func verdict(s *screen, withMuster, withFlag tally) error {
	s.chapter("Counted by the same traffic checker")
	fmt.Printf("  %-12s %10s %10s %20s %12s\n", "", "requests", "answered", "mixed-version errors", "unavailable")
	for _, row := range []struct {
		name string
		tally
	}{{"muster", withMuster}, {"plain flag", withFlag}} {
		fmt.Printf("  %-12s %10d %10d %20d %12d\n", row.name, row.Requests, row.OK, row.Mixed, row.Unavailable)
	}
	switch {
	case withMuster.Mixed != 0:
		return fmt.Errorf("muster: %d mixed-version errors, want 0; the first: %s", withMuster.Mixed, withMuster.FirstMixed)
	case withMuster.NewForm == 0 || withMuster.OK == 0:
		return errors.New("muster: the new form was never used, so the zero proves nothing")
	case withFlag.Mixed == 0:
		return errors.New("plain flag: no mixed-version error, so the traffic proves nothing")
	}
	fmt.Printf("\n  The first one with the plain flag: %s\n", withFlag.FirstMixed)
	return nil
}

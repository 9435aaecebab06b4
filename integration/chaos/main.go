// Command chaos lets bad things happen to a real fleet and counts what comes of
// it: three ZooKeeper servers, three agents and tens of instances, each a
// process, in network namespaces.
//
// # The fleet
//
// Servers and agents have a host each; on a host of instances runs one of each
// service, so that a link is between hosts, and a cut one is cut for all on it.
// The operator uses the command line, on a host whose links stay whole. All
// hosts hang on one bridge in a namespace of its own. The namespace of the
// machine is not touched; what is made bears the driver's process id in its
// name and is removed at the end, and what a crashed run left is removed by the
// next.
//
// # What happens
//
// Processes are killed, stopped and continued. Links are cut, in one direction
// or in both, where packets arrive, so that senders notice nothing. Packets are
// dropped at random, and delayed by a line too narrow for the traffic. Instances
// are restarted with other versions of the code: newer ones, and an old one that
// knows nothing of the feature. The operator activates, deactivates and kills.
// Each fault is undone after a while, which is mostly short and sometimes longer
// than any lease. It is all drawn by seed; the machine's own timing is not.
//
// # What is checked
//
// Every instance calls the others without end; some requests decide at their
// beginning and send many seconds later. The receiver checks: a request in the
// new form that meets an instance which is ready, and does not accept it or is
// of a version that cannot, is a violation, and ends the run. An instance that
// is unready answers 503 to whatever it is sent: a balancer would send it
// nothing, but takes a while to notice, so callers leave it alone for a second
// only after such an answer. A request that arrives when its caller has given it
// up is refused, as by any server that heeds a deadline; the network may deliver
// the last word of a process that is long dead.
//
// When the faults are over, all is undone; without an operator the fleet must
// come to rest where the last command of the history wants it, and the history
// is judged: no command that was accepted is lost, none carried out twice, and
// each epoch has exactly one record.
//
// With -break the run is made wrong on purpose, to see that the checker sees:
// instances that read every gate as open, or a lease that outlasts the
// quarantine. Then the driver fails unless a violation is found.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/musterhq/muster/internal/ensemble"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second interrupt is final
	if err := drive(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func drive(ctx context.Context) error {
	cfg := config{out: os.Stdout}
	flag.DurationVar(&cfg.duration, "duration", 10*time.Minute, "how long faults happen")
	flag.Uint64Var(&cfg.seed, "seed", 0, "by which faults are drawn; 0 draws one")
	flag.IntVar(&cfg.hosts, "hosts", 8, "hosts of instances; three instances run on each")
	flag.StringVar(&cfg.broken, "break", "", "what to break on purpose: gate or lease")
	flag.BoolVar(&cfg.race, "race", false, "build with the race detector")
	flag.StringVar(&cfg.dir, "keep", "", "folder to keep programs, logs and data in; default: none")
	file := flag.String("report", "", "file to write the report to, in Markdown")
	prove := flag.String("prove", "", "what to break on purpose afterwards, in runs of their own, separated by commas")
	flag.Parse()
	proofs := strings.FieldsFunc(*prove, func(r rune) bool { return r == ',' })
	for _, way := range append(proofs, cfg.broken) {
		if way != "" && ways()[way] == "" {
			return fmt.Errorf("%q is neither gate nor lease", way)
		}
	}
	for cfg.seed == 0 {
		cfg.seed = rand.Uint64()
	}
	if err := errors.Join(available(), ensemble.Available()); err != nil {
		return err
	}
	rep, err := play(ctx, cfg)
	if rep == nil {
		return err
	}
	var proven []*report
	for _, cfg.broken = range proofs {
		if ctx.Err() != nil || err != nil {
			break
		}
		var proof *report
		if proof, err = play(ctx, cfg); proof != nil {
			proven = append(proven, proof)
		}
	}
	if *file != "" {
		err = errors.Join(err, os.WriteFile(*file, []byte(rep.markdown(proven)), 0o644))
	}
	return err
}

// play plays a run and says what came of it. The error is nil when it ended as
// it must: with nothing wrong or, where something was broken on purpose, with a
// violation.
func play(ctx context.Context, cfg config) (*report, error) {
	rep, err := chaos(ctx, cfg)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(cfg.out, "\n%s", rep.text())
	wrong := rep.wrong()
	switch {
	case cfg.broken == "" && len(wrong) > 0:
		return rep, fmt.Errorf("%d things are wrong; the same faults are drawn with SEED=%d", len(wrong), cfg.seed)
	case cfg.broken != "" && len(rep.violations) == 0:
		return rep, fmt.Errorf("no violation was found although the %s is broken", cfg.broken)
	case cfg.broken != "":
		fmt.Fprintf(cfg.out, "\nas it must: with the %s broken a violation was found after %v\n", cfg.broken, rep.faulty.Round(100*time.Millisecond))
	}
	return rep, nil
}

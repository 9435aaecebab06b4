package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/musterhq/muster"
)

// config says what a run is.
type config struct {
	duration time.Duration // of the faults
	seed     uint64
	hosts    int    // of instances; one of each service runs on each
	broken   string // what is broken on purpose: "", or one of ways
	race     bool   // build with the race detector
	dir      string // for programs, logs and data; "" for one that is removed
	out      io.Writer
}

// ways says what can be broken on purpose.
func ways() map[string]string {
	return map[string]string{
		"gate":  "instances read every gate as open",
		"lease": "instances have a lease that outlasts the quarantine",
	}
}

// What a run allows for.
const (
	startPatience = 90 * time.Second // until all serve, on a busy machine
	calmPatience  = 90 * time.Second // until all have come to rest
	statusEvery   = 5 * time.Second
)

// chaos plays one run, and returns what came of it. The error says that it could
// not be played; what was found wrong is in the report. It ends early, with a
// report, when ctx does.
func chaos(ctx context.Context, cfg config) (rep *report, err error) {
	if cfg.dir == "" {
		dir, err := os.MkdirTemp("", "muster-chaos-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		cfg.dir = dir
	} else if err := os.MkdirAll(cfg.dir, 0o700); err != nil {
		return nil, err
	}
	fmt.Fprintf(cfg.out, "chaos: seed %d, %v of faults, %d instances; building\n", cfg.seed, cfg.duration, cfg.hosts*len(services()))
	if err := build(ctx, cfg.dir, cfg.race); err != nil {
		return nil, err
	}
	f, err := newFleet(ctx, cfg.dir, cfg.hosts, cfg.broken)
	defer func() { err = errors.Join(err, f.end()) }()
	if err != nil {
		return nil, err
	}
	r := &run{
		config: cfg, fleet: f, tally: newTally(),
		operator: &operator{fleet: f, rand: rand.New(rand.NewPCG(cfg.seed, 1))},
		trouble: &trouble{
			fleet: f, rand: rand.New(rand.NewPCG(cfg.seed, 2)), pace: 700 * time.Millisecond,
			counts: make(map[string]int), exits: make(map[role]int),
		},
	}
	return r.play(ctx)
}

// A run is one play.
type run struct {
	config
	fleet    *fleet
	tally    *tally
	operator *operator
	trouble  *trouble
}

// play starts the fleet, lets things happen to it, calms down and judges.
func (r *run) play(ctx context.Context) (*report, error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	r.tally.reset()
	rep := &report{config: r.config, began: time.Now()}
	faults, cancel := context.WithTimeout(ctx, r.duration)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { r.operator.work(faults) })
	wg.Go(func() { r.narrate(faults, rep.began) })
	wg.Go(func() { // the first violation ends the run
		select {
		case <-r.tally.found:
			cancel()
		case <-faults.Done():
		}
	})
	r.trouble.happen(faults)
	cancel()
	wg.Wait()
	rep.faulty = time.Since(rep.began)
	if r.trouble.err != nil {
		return nil, r.trouble.err
	}
	if len(r.tally.wrong()) == 0 {
		fmt.Fprintln(r.out, "chaos: calm; waiting until all have come to rest")
		rep.unrest = r.rest(context.WithoutCancel(ctx))
		rep.settling = time.Since(rep.began) - rep.faulty
	}
	r.trouble.calm()
	return rep, r.conclude(rep)
}

// open starts everything, and returns when the feature is on everywhere: it has
// been on at least once, whatever happens.
func (r *run) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("the fleet did not start"))
	defer cancel()
	r.fleet.hear(r.tally)
	for _, p := range r.fleet.places {
		if err := p.run(); err != nil {
			return err
		}
	}
	file, err := manifest(r.dir)
	if err != nil {
		return err
	}
	for {
		if _, err = r.operator.muster(ctx, "apply", "-f", file, "--wait", "--timeout", "20s"); err == nil {
			break
		}
		if pause(ctx, 200*time.Millisecond); ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
	r.operator.command(ctx, muster.ActionActivate)
	for want := len(r.fleet.all(instance)); ; {
		if stages, _ := r.tally.stages(); stages[muster.On] == want {
			return nil
		}
		if pause(ctx, 100*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("not all %d instances have joined and are at on: %w", want, context.Cause(ctx))
		}
	}
}

// narrate says every few seconds how it goes.
func (r *run) narrate(ctx context.Context, began time.Time) {
	for {
		if pause(ctx, statusEvery); ctx.Err() != nil {
			return
		}
		faults := 0
		for _, n := range r.trouble.injected() {
			faults += n
		}
		stages, live := r.tally.stages()
		sum := r.tally.sum()
		fmt.Fprintf(r.out, "%5.0fs  live %2d (off %d, accept %d, on %d)  requests %d (new form %d)  unanswered %d  faults %d  violations %d\n",
			time.Since(began).Seconds(), live, stages[muster.Off], stages[muster.Accept], stages[muster.On],
			sum.New+sum.Old, sum.New, sum.Refused+sum.Unavailable, faults, len(r.tally.wrong()))
	}
}

// rest undoes all faults and waits until every process runs, the last command of
// the history has been carried out and every instance stands there; nobody
// helps. It returns what is still not so when patience ends.
func (r *run) rest(ctx context.Context) (unrest string) {
	ctx, cancel := context.WithTimeout(ctx, calmPatience)
	defer cancel()
	r.trouble.calm()
	for {
		unrest = r.unrest(ctx)
		if unrest == "" || len(r.tally.wrong()) > 0 {
			return ""
		}
		r.trouble.revive()
		if pause(ctx, 250*time.Millisecond); ctx.Err() != nil {
			return unrest
		}
	}
}

// unrest says what has not come to rest.
func (r *run) unrest(ctx context.Context) string {
	records, err := r.operator.history(ctx)
	if err != nil {
		return err.Error()
	}
	wish := lastWish(records)
	standing := r.tally.standing()
	for _, p := range r.fleet.all(instance) {
		switch c, told := standing[p.name]; {
		case !told:
			return p.name + " has not told how it stands"
		case c.State != "live" || c.Stage != wish:
			return fmt.Sprintf("%s is %s, at %s; wanted is %s", p.name, c.State, c.Stage, wish)
		}
	}
	if last := records[len(records)-1]; last.To != wish {
		return fmt.Sprintf("the feature stands at %s; wanted is %s", last.To, wish)
	}
	return ""
}

// conclude fills in the report.
func (r *run) conclude(rep *report) error {
	ctx, cancel := context.WithTimeout(context.Background(), calmPatience)
	defer cancel()
	rep.commit = commit(ctx)
	rep.faults, rep.exits = r.trouble.injected(), r.trouble.exits
	rep.requests, rep.violations = r.tally.sum(), r.tally.wrong()
	rep.untold = r.tally.untold()
	rep.silence = make(map[string]time.Duration)
	end := rep.began.Add(rep.faulty + rep.settling)
	for _, service := range services() {
		rep.silence[service] = r.tally.silence(service, rep.began, end)
	}
	records, err := r.operator.history(ctx)
	for err != nil && ctx.Err() == nil { // an agent may just have been started again
		pause(ctx, time.Second)
		records, err = r.operator.history(ctx)
	}
	if err != nil {
		return err
	}
	rep.verdict = judge(records, r.operator.commands())
	rep.records = len(records)
	return nil
}

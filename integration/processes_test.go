package integration_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/sdk"
)

// Cases 11, 22 and 24 and the promises G1, G2, G3, G5 and G8, with real
// processes that crash, stop, end and start, and agents that do as well.
func TestCase22ProcessesCrashStopAndStart(t *testing.T) {
	t.Parallel()
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			seed := seed(t)
			t.Logf("replay with MUSTER_SEED=%d", seed)
			r := newRun(t, seed, b.serve(t), ensemble.Root(t))
			for _, p := range r.instances {
				r.startInstance(p, "2.0.0")
			}
			r.command(muster.ActionActivate)
			r.happen(runFor)
			r.calm()
			r.comesToRest(muster.ActionDeactivate, muster.Off)
			r.comesToRest(muster.ActionActivate, muster.On)
			r.judge()
		})
	}
}

// runFor is how long things happen.
const runFor = 25 * time.Second

// seed is given by MUSTER_SEED, or drawn.
func seed(t *testing.T) uint64 {
	t.Helper()
	given := os.Getenv("MUSTER_SEED")
	if given == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(given, 10, 64)
	if err != nil {
		t.Fatalf("MUSTER_SEED: %v", err)
	}
	return n
}

// calm ends what happens: all that was stopped goes on, and where an instance
// is old or gone a new one runs.
func (r *run) calm() {
	r.t.Helper()
	r.finishDue(time.Now().Add(time.Hour))
	for _, p := range r.instances {
		if p.running() && p.version != "2.0.0" {
			p.proc.term()
			<-p.proc.done
		}
		if !p.running() || p.proc.life.has(markTerm) {
			<-p.proc.done
			r.startInstance(p, "2.0.0")
		}
	}
}

// comesToRest gives a last command and waits until everybody is where it wants
// them: the last command wins.
func (r *run) comesToRest(action muster.Action, stage muster.Stage) {
	r.t.Helper()
	r.command(action)
	if last := r.commands[len(r.commands)-1]; last.err != nil {
		r.t.Fatalf("%s: %v", last.why, last.err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if err := r.client.Wait(ctx, feature, stage); err != nil {
		r.t.Fatalf("wait for %s: %v", stage, err)
	}
	for _, p := range r.instances {
		await(r.t, p.proc.name+" has told of "+stage.String(), patience, func() bool {
			marks := p.proc.life.all()
			joined := slices.ContainsFunc(marks, func(m mark) bool { return m.Kind == sdk.EventJoined })
			return joined && lastStage(marks) == stage
		})
	}
}

// lastStage is the last stage that an instance has told of.
func lastStage(marks []mark) muster.Stage {
	for _, m := range slices.Backward(marks) {
		if m.Kind == sdk.EventStage {
			return m.Stage
		}
	}
	return muster.Off
}

// judge holds the run against the promises.
func (r *run) judge() {
	r.t.Helper()
	var records []muster.Record
	for rec, err := range r.client.History(r.t.Context(), client.HistoryQuery{Feature: feature}) {
		if err != nil {
			r.t.Fatalf("history: %v", err)
		}
		records = append(records, rec)
	}
	slices.Reverse(records)
	j := judge{
		feature: feature, participants: r.shop.WithDefaults().Participants,
		records: records, lives: r.chronicle.all(), end: time.Now(), brief: runBrief,
	}
	wrong := append(j.judged(), checkCommands(records, r.commands)...)
	for _, w := range wrong {
		r.t.Error(w)
	}
	for _, l := range j.lives {
		for _, m := range l.all() {
			r.counts["told "+string(m.Kind)]++
		}
	}
	for _, rec := range records {
		r.counts["recorded "+string(rec.Action)]++
	}
	r.t.Logf("%d processes, %d commands, %d records: %s", len(j.lives), len(r.commands), len(records), show(r.counts))
	if len(wrong) > 0 {
		r.t.Logf("history:\n%s", show(records))
	}
}

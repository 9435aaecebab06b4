package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// The times of the model. A server that has lost its leader stops answering
// within maxLag; an instance is fenced a lease after it sent the last request
// that was answered; so whoever vanished at the leader is fenced when the
// quarantine is over.
const (
	maxLag         = 1500 * time.Millisecond
	lease          = 2 * time.Second
	quarantine     = maxLag + lease
	sessionTimeout = time.Second
	poll           = 500 * time.Millisecond
)

const (
	root   = "/muster"
	newest = "3.0.0" // satisfies every constraint
)

// Options say what to run.
type Options struct {
	Seed    uint64
	Steps   int     // of the scheduler, with faults; what follows without is not counted
	Variant Variant // the zero Variant is the protocol as it is
}

// A Failure is a promise that was broken.
type Failure struct {
	Promise string // G1, G2, …
	Detail  string
	Seed    uint64
	Step    int
	Trace   []string // the last things that happened
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %s (seed %d, step %d)\n  %s", f.Promise, f.Detail, f.Seed, f.Step, strings.Join(f.Trace, "\n  "))
}

// A world is one run.
type world struct {
	Options
	rng      *rand.Rand
	now      time.Time
	step     int
	faults   bool
	storm    bool // much happens
	upgraded bool // what is started is of the newest version mostly
	stats    Stats
	failure  *Failure
	trace    []string

	cluster   *cluster
	sessions  []*session // that live
	late      [][]zoo.Op // commits that come when their session is over
	actors    []*actor
	instances []*instance // whose process lives
	agents    []*agent    // whose process lives
	operators int
	serial    int
	truth     truth
}

// Run runs one world and returns the first promise that was broken, as a
// [*Failure], or nil.
func Run(o Options) (Stats, error) {
	w := &world{
		Options: o,
		rng:     rand.New(rand.NewPCG(o.Seed, 0x6d7573746572)),
		now:     time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
		truth:   newTruth(),
	}
	w.cluster = newCluster(w.now)
	defer w.end()
	w.begin()
	w.faults = true
	for w.step < o.Steps && w.failure == nil {
		w.next()
	}
	w.faults = false
	if w.failure == nil {
		w.finish()
	}
	w.stats.Steps = w.step
	if w.failure != nil {
		return w.stats, w.failure
	}
	return w.stats, nil
}

// end stops every coroutine.
func (w *world) end() {
	for _, a := range w.actors {
		if !a.done {
			a.kill()
		}
	}
}

// chance is true in so many cases of a hundred.
func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) say(format string, args ...any) {
	const kept = 60
	if len(w.trace) == 2*kept {
		w.trace = append(w.trace[:0], w.trace[kept:]...)
	}
	w.trace = append(w.trace, fmt.Sprintf("%6d %8s  ", w.step, w.now.Sub(w.truth.began).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// fail notes the first promise that was broken.
func (w *world) fail(promise, format string, args ...any) {
	if w.failure == nil {
		w.failure = &Failure{
			Promise: promise, Detail: fmt.Sprintf(format, args...),
			Seed: w.Seed, Step: w.step, Trace: w.trace,
		}
	}
}

// commit applies a transaction and checks what it did.
func (w *world) commit(s *session, ops []zoo.Op) ([]zoo.Result, error) {
	results, changes, err := w.cluster.commit(w.now, s.id, ops)
	if err == nil {
		w.stats.Commits++
		w.judge(s, changes)
	}
	return results, err
}

// pick draws one of several.
func pick[T any](w *world, of []T) T { return of[w.rng.IntN(len(of))] }

// The fleet: every constraint is satisfied by 3.0.0, so that what is wanted can
// be had in the end.
var (
	services    = []string{"cart", "mail", "shop"}
	features    = []string{"dark", "tax"}
	versions    = []string{"1.0.0", "2.0.0", "2.7.0", newest, newest, "2.7.0-rc.1", "nonsense"}
	constraints = []string{">=2.0.0", ">=2.5.0", ">=3.0.0"}
)

// spec draws a spec.
func (w *world) spec(feature string) *muster.Spec {
	s := muster.Spec{Feature: feature, Participants: make(map[string]muster.Participant)}
	for len(s.Participants) == 0 {
		for _, service := range services {
			if w.chance(60) {
				s.Participants[service] = muster.Participant{
					Version: muster.MustConstraint(pick(w, constraints)), MinInstances: 1 + w.rng.IntN(2),
				}
			}
		}
	}
	if w.chance(20) {
		s.OldInstance = muster.RollBack
	}
	if w.chance(30) {
		s.OnDisconnect = muster.Stop
	}
	if feature == "dark" && w.chance(60) {
		s.Prerequisites = []string{"tax"}
	}
	s = s.WithDefaults()
	return &s
}

package sdk_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// quarantine of the storm's agent: shorter than an agent's default, and long
// enough for one server that does not lag.
const quarantine = 15 * time.Second

// Case 22, for the SDK's half of the protocol: under cuts, expiries and lost
// replies the stages in all instances, and in the requests that they have in
// flight, are neighbours (G3), those included by which a request has decided
// and which it does not look at again. The test plays a correct agent.
func TestCase22NeighbouringStagesInAStorm(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			inWorld(t, func(w *world) { newStorm(w, seed).run() })
		})
	}
}

type storm struct {
	*world
	rand     *rand.Rand
	fleet    []*process
	requests []request // one for each process
	entry    muster.Entry
	vanished map[string]time.Time // by entry
	moves    int
}

type request struct {
	ctx     context.Context
	release func()
	until   time.Time
	decided muster.Stage // what it has read when it began
}

func newStorm(w *world, seed uint64) *storm {
	s := &storm{world: w, rand: rand.New(rand.NewPCG(seed, 1)), entry: entry(sdk.Off, 1), vanished: make(map[string]time.Time)}
	s.put(s.entry)
	for i := range 5 {
		p := w.open("2.0.0", func(c *sdk.Config) { c.ID = fmt.Sprint("c", i); c.Drain = 5 * time.Second })
		s.fleet = append(s.fleet, p)
		s.requests = append(s.requests, request{})
		s.request(i)
	}
	own := w.zk.ID()
	dice := rand.New(rand.NewPCG(seed, 2)) // asked by many goroutines: under the lock of judge
	lock := make(chan struct{}, 1)
	w.server.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
		lock <- struct{}{}
		defer func() { <-lock }()
		if r.Session == own || dice.IntN(50) > 0 {
			return zkserver.Verdict{}
		}
		return zkserver.Verdict{Do: []zkserver.Action{zkserver.DropBefore, zkserver.DropAfter, zkserver.MuteAfter}[dice.IntN(3)]}
	})
	return s
}

func (s *storm) run() {
	const steps, enough, most = 4000, 20, 40_000 // steps of 100 ms; moves; steps
	// Goroutines race within the storm, so how often the feature moves in a given
	// time differs: it goes on until that was often enough to prove something.
	for step := 0; step < steps || s.moves < enough && step < most; step++ {
		s.disturb()
		s.agent()
		time.Sleep(100 * time.Millisecond)
		s.check()
	}
	s.server.Faults().OnRequest(nil)
	for i, p := range s.fleet {
		p.heal()
		s.requests[i].release()
	}
	if s.moves < enough {
		s.Errorf("the feature moved %d times in %d steps", s.moves, most)
	}
	s.within(2*time.Minute, "all converged", func() bool {
		for _, p := range s.fleet {
			if m := s.member(p); !m.Live || m.Ack.Revision < s.entry.Since || !p.at(s.entry.Stage)() {
				return false
			}
		}
		return true
	})
}

// request replaces a process's request in flight by a new one. It heeds the end
// of its context.
func (s *storm) request(i int) {
	if r := s.requests[i]; r.release != nil {
		r.release()
	}
	ctx, release := s.fleet[i].Pin(context.Background())
	s.requests[i] = request{ctx, release, time.Now().Add(time.Duration(s.rand.IntN(30_000)) * time.Millisecond), s.fleet[i].flag.Stage(ctx)}
}

func (s *storm) disturb() {
	for i, r := range s.requests {
		if time.Now().After(r.until) || r.ctx.Err() != nil {
			s.request(i)
		}
	}
	p := s.fleet[s.rand.IntN(len(s.fleet))]
	switch s.rand.IntN(60) {
	case 0:
		p.cut()
	case 1, 2, 3:
		p.heal()
	case 4:
		if m := s.member(p); m.Live {
			s.expire(p)
		}
	}
}

// expire ends the process's session on the server.
func (s *storm) expire(p *process) {
	node, err := s.zk.Get(s.Context(), "/muster/services/checkout/live/"+p.Instance().Entry())
	if err == nil {
		s.server.Faults().ExpireSession(node.Stat.EphemeralOwner)
	}
}

// agent takes one step as an agent may: it reaps whoever is not live for the
// quarantine, and moves the feature when everyone has acked, or down from on at
// any time.
func (s *storm) agent() {
	svc, now := s.service(), time.Now()
	all := true
	for _, m := range svc.Members {
		key := m.Instance.Entry()
		if m.Live {
			delete(s.vanished, key)
			all = all && m.Ack.Revision >= s.entry.Since
			continue
		}
		since, known := s.vanished[key]
		switch {
		case !known:
			s.vanished[key] = now
			all = false
		case now.Sub(since) < quarantine:
			all = false
		default:
			s.reap(m)
		}
	}
	stage := s.entry.Stage
	switch {
	case stage == sdk.Accept && all && s.rand.IntN(2) == 0:
		s.move(sdk.On)
	case stage == sdk.Accept && all:
		s.move(sdk.Off)
	case stage == sdk.On && s.rand.IntN(50) == 0, stage == sdk.Off && all && s.rand.IntN(50) == 0:
		s.move(sdk.Accept)
	}
}

func (s *storm) move(to muster.Stage) {
	s.entry = entry(to, s.entry.Epoch+1)
	revision := s.put(s.entry)
	s.entry.Since = revision
	s.moves++
}

// reap removes a member whose live entry is still absent.
func (s *storm) reap(m muster.Member) {
	var t zoo.Txn
	live := "/muster/services/checkout/live/" + m.Instance.Entry()
	t.Create(live, nil, zoo.Persistent)
	t.Delete(live, -1)
	t.Delete("/muster/services/checkout/members/"+m.Instance.Entry(), m.Version)
	_, _ = s.zk.Commit(s.Context(), t) // it has returned meanwhile: not reaped
}

// check compares what every instance, and every request in flight, answers.
func (s *storm) check() {
	low, high := sdk.On, sdk.Off
	for i, p := range s.fleet {
		stages := []muster.Stage{p.flag.Stage(context.Background())}
		if r := s.requests[i]; r.ctx.Err() == nil {
			stages = append(stages, p.flag.Stage(r.ctx), r.decided)
		}
		low, high = min(low, slices.Min(stages)), max(high, slices.Max(stages))
	}
	if !low.Adjacent(high) {
		s.Fatalf("at %v the stages are from %v to %v", time.Now(), low, high)
	}
}

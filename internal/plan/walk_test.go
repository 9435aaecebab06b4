package plan_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
)

// world is a fleet without concurrency: every action is atomic, and only the
// planner decides. It holds G1 to G3 for the planner alone; races, lost
// replies and stale reads are the simulation's business.
type world struct {
	t *rapid.T
	plan.State
	serial    int
	agreed    map[string]int32        // by instance: the oldest revision that it still runs on
	revisions map[string]muster.Stage // by service and revision: what the sheet said
}

func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": func(*rapid.T) { w.check() },
		"join": func(t *rapid.T) {
			service := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "service")
			version := rapid.SampledFrom([]string{"1.0.0", "2.0.0", "2.5.0"}).Draw(t, "version")
			svc := w.Services[service]
			if len(svc.Members) == 3 || len(svc.Sheet.Admit(version)) > 0 {
				return
			}
			if version == "1.0.0" {
				w.nobodyAbove(muster.Off, "an old instance joined")
			}
			w.serial++
			id := fmt.Sprintf("i%d", w.serial)
			svc.Members = append(svc.Members, muster.Member{
				Instance: muster.Instance{Service: service, ID: id, Version: version},
				Live:     true, Ack: muster.Ack{Revision: svc.Sheet.Revision, Applied: svc.Sheet.Revision},
			})
			svc.Roster++
			w.agreed[id] = svc.Sheet.Revision
			w.Services[service] = svc
		},
		"apply the sheet": func(t *rapid.T) {
			w.each(t, func(svc muster.Service, m *muster.Member) { m.Ack.Applied = svc.Sheet.Revision })
		},
		"drain and ack": func(t *rapid.T) {
			w.each(t, func(_ muster.Service, m *muster.Member) {
				m.Ack.Revision = m.Ack.Applied
				w.agreed[m.Instance.ID] = m.Ack.Applied
			})
		},
		"leave": func(t *rapid.T) { w.remove(t) },
		"command": func(t *rapid.T) {
			w.Status.Desired = rapid.SampledFrom([]muster.Stage{muster.Off, muster.On}).Draw(t, "desired")
		},
		"contend": func(t *rapid.T) { w.Contended = rapid.Bool().Draw(t, "contended") },
		"step":    func(*rapid.T) { w.step() },
		"step, often": func(*rapid.T) {
			w.step()
		},
	}
}

func (w *world) each(t *rapid.T, change func(muster.Service, *muster.Member)) {
	service := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "service")
	svc := w.Services[service]
	if len(svc.Members) == 0 {
		return
	}
	members := append([]muster.Member(nil), svc.Members...)
	change(svc, &members[rapid.IntRange(0, len(members)-1).Draw(t, "member")])
	svc.Members = members
	w.Services[service] = svc
}

func (w *world) remove(t *rapid.T) {
	service := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "service")
	svc := w.Services[service]
	if len(svc.Members) == 0 {
		return
	}
	i := rapid.IntRange(0, len(svc.Members)-1).Draw(t, "member")
	svc.Members = append(append([]muster.Member(nil), svc.Members[:i]...), svc.Members[i+1:]...)
	svc.Roster++
	w.Services[service] = svc
}

func (w *world) step() {
	m := plan.Next(w.State).Move
	if m == nil {
		return
	}
	if m.Status.Stage != w.Status.Stage && !m.Status.Stage.Adjacent(w.Status.Stage) {
		w.t.Fatalf("moved from %s to %s in one step", w.Status.Stage, m.Status.Stage)
	}
	if w.Status.Stage == muster.Off && m.Status.Stage == muster.Accept {
		w.everyoneReady()
	}
	if m.Record.Operation != w.Operation || m.Version != w.Version {
		w.t.Fatalf("the move does not carry what it was decided on: %+v", m)
	}
	w.Status = m.Status
	w.Version++
	for service, sheet := range m.Sheets {
		svc := w.Services[service]
		if sheet.Revision != svc.Sheet.Revision {
			w.t.Fatalf("sheet of %s: decided on revision %d, is %d", service, sheet.Revision, svc.Sheet.Revision)
		}
		sheet.Revision++
		svc.Sheet = sheet
		w.Services[service] = svc
		w.remember(service, sheet)
	}
	w.check()
}

func (w *world) remember(service string, sheet muster.Sheet) {
	w.revisions[fmt.Sprint(service, sheet.Revision)] = sheet.Features["f"].Stage
}

// stages calls f with every stage that somebody runs at: from what the oldest
// request runs on to what was applied last.
func (w *world) stages(f func(who string, s muster.Stage)) {
	for name, svc := range w.Services {
		for _, m := range svc.Members {
			for r := w.agreed[m.Instance.ID]; r <= m.Ack.Applied; r++ {
				if s, ok := w.revisions[fmt.Sprint(name, r)]; ok {
					f(fmt.Sprintf("%s/%s (%s) on revision %d", name, m.Instance.ID, m.Instance.Version, r), s)
				}
			}
		}
	}
}

func (w *world) check() {
	lowest, highest := muster.On, muster.Off
	var low, high string
	w.stages(func(who string, s muster.Stage) {
		if s <= lowest {
			lowest, low = s, who
		}
		if s >= highest {
			highest, high = s, who
		}
	})
	if low != "" && !lowest.Adjacent(highest) {
		w.t.Fatalf("G3: %s is at %s while %s is at %s", low, lowest, high, highest)
	}
}

func (w *world) nobodyAbove(limit muster.Stage, what string) {
	w.stages(func(who string, s muster.Stage) {
		if s > limit {
			w.t.Fatalf("G2: %s while %s is at %s", what, who, s)
		}
	})
}

func (w *world) everyoneReady() {
	for name, svc := range w.Services {
		if len(svc.Members) == 0 {
			w.t.Fatalf("G1: left off without an instance of %s", name)
		}
		for _, m := range svc.Members {
			if m.Instance.Version == "1.0.0" {
				w.t.Fatalf("G1: left off with %s/%s at %s", name, m.Instance.ID, m.Instance.Version)
			}
		}
	}
}

// TestWalk walks small fleets at random and holds the planner to G1, G2 and G3.
func TestWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, State: newFleet(muster.Off, muster.GateOpen, muster.On).State, agreed: map[string]int32{}, revisions: map[string]muster.Stage{}}
		w.Now = now.Add(time.Hour)
		for name, svc := range w.Services {
			w.remember(name, svc.Sheet)
		}
		t.Repeat(w.actions())
	})
}

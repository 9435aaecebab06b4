package sim

import (
	"context"
	"slices"
	"strings"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// A Variant is the protocol with one thing wrong, from outside of the code
// under test. The zero Variant is right.
type Variant struct {
	Name string
	// Breaks is the promise that the run is expected to find broken.
	Breaks string

	instance  func(store.Tree) store.Tree // what an instance sees and does
	agent     func(store.Tree) store.Tree // what an agent sees and does
	state     func(*world, plan.State) plan.State
	undrained bool // acks do not wait for requests in flight
}

// Variants returns every way in which the protocol is broken on purpose.
func Variants() []Variant {
	return []Variant{
		{Name: "no gate check", Breaks: "G2", instance: func(t store.Tree) store.Tree { return gateless{t} }},
		{Name: "ephemeral-only roster", Breaks: "G1", state: onlyLive},
		{Name: "ack by stage instead of epoch", Breaks: "G1", state: ackedByStage},
		{Name: "ack before drain", Breaks: "G3", undrained: true},
		{Name: "gate opened before everyone acked off", Breaks: "G2", state: openEarly},
		{Name: "no check of the prerequisite", Breaks: "prerequisite", agent: func(t store.Tree) store.Tree { return unneeding{t} }},
		{Name: "no compare-and-set by the agent", Breaks: "G5", agent: func(t store.Tree) store.Tree { return careless{t} }},
	}
}

func (v Variant) forInstance(t store.Tree) store.Tree {
	if v.instance != nil {
		return v.instance(t)
	}
	return t
}

func (v Variant) forAgent(t store.Tree) store.Tree {
	if v.agent != nil {
		return v.agent(t)
	}
	return t
}

func (v Variant) seen(w *world, s plan.State) plan.State {
	if v.state != nil {
		return v.state(w, s)
	}
	return s
}

// gateless sees every gate open.
type gateless struct{ store.Tree }

func (t gateless) Get(ctx context.Context, path string) (zoo.Node, error) {
	node, err := t.Tree.Get(ctx, path)
	node.Data = []byte(strings.ReplaceAll(string(node.Data), `"gate":"closed"`, `"gate":"open"`))
	return node, err
}

// careless compares no versions and checks nothing.
type careless struct{ store.Tree }

func (t careless) Commit(ctx context.Context, txn zoo.Txn) ([]zoo.Result, error) {
	var blind zoo.Txn
	for _, op := range txn.Ops() {
		switch op.Kind {
		case zoo.OpSet:
			blind.Set(op.Path, op.Data, zoo.AnyVersion)
		case zoo.OpCreate:
			blind.Create(op.Path, op.Data, op.Mode)
		case zoo.OpDelete:
			blind.Delete(op.Path, zoo.AnyVersion)
		}
	}
	return t.Tree.Commit(ctx, blind)
}

// unneeding does not check that other features are as they were seen.
type unneeding struct{ store.Tree }

func (t unneeding) Commit(ctx context.Context, txn zoo.Txn) ([]zoo.Result, error) {
	var trusting zoo.Txn
	for _, op := range txn.Ops() {
		switch {
		case op.Kind == zoo.OpCheck && placeOf(op.Path).kind == "feature":
		case op.Kind == zoo.OpCheck:
			trusting.Check(op.Path, op.Version)
		case op.Kind == zoo.OpSet:
			trusting.Set(op.Path, op.Data, op.Version)
		case op.Kind == zoo.OpCreate:
			trusting.Create(op.Path, op.Data, op.Mode)
		case op.Kind == zoo.OpDelete:
			trusting.Delete(op.Path, op.Version)
		}
	}
	return t.Tree.Commit(ctx, trusting)
}

// onlyLive forgets the members that are not live.
func onlyLive(_ *world, s plan.State) plan.State {
	return eachMember(s, func(_ muster.Service, m muster.Member) (muster.Member, bool) { return m, m.Live })
}

// ackedByStage takes an ack of a sheet that had the same stage for one of the
// present sheet.
func ackedByStage(w *world, s plan.State) plan.State {
	return eachMember(s, func(svc muster.Service, m muster.Member) (muster.Member, bool) {
		then := w.truth.sheets[sheetKey{svc.Sheet.Service, m.Ack.Revision}].Features[s.Status.Feature]
		if m.Live && then.Stage == svc.Sheet.Features[s.Status.Feature].Stage {
			m.Ack.Revision = svc.Sheet.Revision
		}
		return m, true
	})
}

// openEarly waits for nobody when it is about to open the gate.
func openEarly(_ *world, s plan.State) plan.State {
	if s.Status.Stage != muster.Off || s.Status.Gate != muster.GateClosed {
		return s
	}
	return eachMember(s, func(svc muster.Service, m muster.Member) (muster.Member, bool) {
		m.Live, m.Ack.Revision = true, svc.Sheet.Revision
		return m, true
	})
}

// eachMember returns the state with every member changed, or dropped.
func eachMember(s plan.State, change func(muster.Service, muster.Member) (muster.Member, bool)) plan.State {
	changed := make(map[string]muster.Service, len(s.Services))
	for name, svc := range s.Services {
		members := slices.Clone(svc.Members)
		svc.Members = members[:0]
		for _, m := range members {
			if m, kept := change(svc, m); kept {
				svc.Members = append(svc.Members, m)
			}
		}
		changed[name] = svc
	}
	s.Services = changed
	return s
}

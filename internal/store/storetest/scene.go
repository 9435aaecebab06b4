package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// A scene is a tree with one agent that leads, and helpers that fail the test.
type scene struct {
	testing.TB
	Site
	ctx context.Context

	*store.Store            // of the agent
	tree         store.Tree // the agent's session
	expire       func()
	node         string // the agent's own
	serial       int
}

// now is the time of everything: nothing here depends on it.
var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func newScene(t testing.TB, site Site) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s := &scene{TB: t, Site: site, ctx: ctx}
	s.tree, s.expire = site.Open(t)
	s.Store = store.New(s.tree, site.Root)
	s.ok(s.Init(ctx))
	var err error
	s.node, err = s.Enroll(ctx, "agent")
	s.ok(err)
	return s
}

// ok fails the test on an error.
func (s *scene) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// is fails the test unless the error is the one that is wanted.
func (s *scene) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("got error %v, want %v", err, want)
	}
}

// same fails the test unless two things print alike.
func (s *scene) same(what string, got, want any) {
	s.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		s.Fatalf("%s: got %s, want %s", what, g, w)
	}
}

// session opens another session, with a store on it.
func (s *scene) session() (*store.Store, store.Tree, func()) {
	s.Helper()
	tree, expire := s.Open(s.TB)
	return store.New(tree, s.Root), tree, expire
}

// as returns a store on the tree as some other code sees it.
func (s *scene) as(tree store.Tree) *store.Store { return store.New(tree, s.Root) }

// instance returns an instance of a service.
func (s *scene) instance(service, version string) muster.Instance {
	s.serial++
	return muster.Instance{
		Service: service, ID: "host-1", Incarnation: fmt.Sprintf("abcdef%d", s.serial), Version: version, Started: now,
	}
}

// current acks the sheet: nothing is in flight.
func current(sheet muster.Sheet) muster.Ack {
	return muster.Ack{Revision: sheet.Revision, Applied: sheet.Revision}
}

// join makes an instance a member through a session of its own.
func (s *scene) join(inst muster.Instance) (st *store.Store, tree store.Tree, expire func()) {
	s.Helper()
	st, tree, expire = s.session()
	_, err := st.Join(s.ctx, inst, current)
	s.ok(err)
	return st, tree, expire
}

// command carries out a command, which must change something.
func (s *scene) command(key string, action muster.Action, participants ...string) muster.Status {
	s.Helper()
	cmd := s.cmd(action)
	if len(participants) > 0 {
		cmd.Spec = spec(key, participants...)
	}
	status, changed, err := s.Command(s.ctx, s.node, key, cmd)
	s.ok(err)
	if !changed {
		s.Fatalf("%s %s changed nothing", action, key)
	}
	return status
}

func (s *scene) cmd(action muster.Action) plan.Command {
	return plan.Command{Action: action, By: "operator", Why: "because", Operation: s.operation(), Now: now}
}

func (s *scene) operation() string {
	s.serial++
	return fmt.Sprintf("operation-%d", s.serial)
}

// spec needs 2.0.0 or newer of the participants.
func spec(key string, participants ...string) *muster.Spec {
	sp := muster.Spec{Feature: key, Participants: make(map[string]muster.Participant)}
	for _, service := range participants {
		sp.Participants[service] = muster.Participant{Version: muster.MustConstraint(">=2.0.0")}
	}
	sp = sp.WithDefaults()
	return &sp
}

// state is what a decision about a feature sees.
func (s *scene) state(key string) plan.State {
	s.Helper()
	s.ok(s.tree.Sync(s.ctx, s.Root))
	node, err := s.Feature(s.ctx, key)
	s.ok(err)
	st := plan.State{
		Now: now, Status: node.Status, Version: node.Version, Spec: node.Spec, Next: node.Next,
		Services: make(map[string]muster.Service), Agent: "agent", Operation: s.operation(),
		Prerequisites: make(map[string]plan.Neighbour),
	}
	for _, other := range plan.Prerequisites(node.Spec, node.Next) {
		node, err := s.Feature(s.ctx, other)
		s.ok(err)
		st.Prerequisites[other] = node.Neighbour()
	}
	for _, sp := range []*muster.Spec{node.Spec, node.Next} {
		if sp != nil {
			for _, service := range sp.Services() {
				st.Services[service], err = s.Service(s.ctx, service, nil)
				s.ok(err)
			}
		}
	}
	return st
}

// next decides the next move of a feature, which there must be.
func (s *scene) next(key string) plan.Move {
	s.Helper()
	step := plan.Next(s.state(key))
	if step.Move == nil {
		s.Fatalf("%s does not move: %v", key, step.Waiting)
	}
	return *step.Move
}

// advance moves a feature by so many steps.
func (s *scene) advance(key string, steps int) {
	s.Helper()
	for range steps {
		s.ok(s.Commit(s.ctx, s.node, s.next(key)))
	}
}

// stage returns where a feature stands.
func (s *scene) stage(key string) muster.Stage {
	s.Helper()
	node, err := s.Feature(s.ctx, key)
	s.ok(err)
	return node.Status.Stage
}

// members returns the roster of a service as the agent reads it.
func (s *scene) members(service string) []muster.Member {
	s.Helper()
	s.ok(s.tree.Sync(s.ctx, s.Root))
	svc, err := s.Service(s.ctx, service, nil)
	s.ok(err)
	return svc.Members
}

// only returns the one member of a service.
func (s *scene) only(service string) muster.Member {
	s.Helper()
	members := s.members(service)
	if len(members) != 1 {
		s.Fatalf("%s has %d members, want 1: %+v", service, len(members), members)
	}
	return members[0]
}

// records returns the history, newest first.
func (s *scene) records(q store.HistoryQuery) []muster.Record {
	s.Helper()
	s.ok(s.tree.Sync(s.ctx, s.Root))
	records, err := s.History(s.ctx, q)
	s.ok(err)
	return records
}

// path returns a path below the root.
func (s *scene) path(parts ...string) string { return s.Root + "/" + strings.Join(parts, "/") }

// get reads a node.
func (s *scene) get(path string) zoo.Node {
	s.Helper()
	s.ok(s.tree.Sync(s.ctx, path))
	node, err := s.tree.Get(s.ctx, path)
	s.ok(err)
	return node
}

// set writes a node as a hand would.
func (s *scene) set(path, data string) {
	s.Helper()
	var t zoo.Txn
	t.Set(path, []byte(data), zoo.AnyVersion)
	_, err := s.tree.Commit(s.ctx, t)
	s.ok(err)
}

// await waits until a channel is closed.
func (s *scene) await(what string, fired <-chan struct{}) {
	s.Helper()
	select {
	case <-fired:
	case <-s.ctx.Done():
		s.Fatalf("%s: never told", what)
	}
}

package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
)

// An agent is a model of an agent's loop: it enrolls, and while it believes to
// lead it loads, plans and commits.
type agent struct {
	w       *world
	actor   *actor
	name    string
	session *session
	node    string // of its own in the election, "" until it has enrolled

	store    *store.Store
	bodies   map[string]*store.Bodies
	services map[string]muster.Service // as last read in this session
	absent   map[stay]time.Time
	stale    map[string]int // by feature: commits in a row that failed for a roster
}

// A stay is one time that a member is not live.
type stay struct {
	service, entry string
	version        int32
}

func (w *world) startAgent() {
	w.serial++
	g := &agent{w: w, name: fmt.Sprintf("agent%d", w.serial)}
	w.say("agent %s starts", g.name)
	w.agents = append(w.agents, g)
	g.actor = w.start(g.name, g.run)
}

func (g *agent) run(a *actor) {
	for {
		g.session, g.node = g.w.connect(), ""
		err := g.life(a)
		if errors.Is(err, errKilled) {
			return
		}
		g.w.expire(g.session)
		if a.rest(poll) != nil {
			return
		}
	}
}

// life is one session of an agent.
func (g *agent) life(a *actor) (err error) {
	tree := g.w.Variant.forAgent(&conn{session: g.session, actor: a})
	g.store = store.New(tree, root).WithReaders(1)
	g.bodies = make(map[string]*store.Bodies)
	g.services = make(map[string]muster.Service)
	g.absent = make(map[stay]time.Time)
	g.stale = make(map[string]int)
	node, err := g.store.Enroll(context.Background(), g.name)
	if err != nil {
		return err
	}
	g.node = node
	for {
		leader, _, err := g.store.Leader(context.Background())
		if err == nil && leader == g.node {
			err = g.lead(a)
		}
		if fatal(err) || errors.Is(err, store.ErrDeposed) {
			return err
		}
		if err := a.rest(poll); err != nil {
			return err
		}
	}
}

// lead makes one round as the leader that it believes to be.
func (g *agent) lead(a *actor) error {
	keys, err := g.store.Features(context.Background())
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := g.reconcile(key); err != nil && !harmless(err) {
			return err
		}
	}
	for _, service := range services {
		if err := g.reap(service); err != nil && !harmless(err) {
			return err
		}
	}
	if g.w.chance(5) {
		return g.store.Trim(context.Background(), g.node, 20)
	}
	return nil
}

// harmless reports whether it is enough to look again.
func harmless(err error) bool { return errors.Is(err, muster.ErrConflict) }

// reconcile makes one step of a feature, if there is one to make.
func (g *agent) reconcile(key string) error {
	state, known, err := g.load(key)
	if err != nil || !known {
		return err
	}
	state = g.w.Variant.seen(g.w, state)
	step := plan.Next(state)
	if step.Move == nil {
		return nil
	}
	if err := g.w.provoke(g.actor, state, *step.Move); err != nil {
		return err
	}
	err = g.store.Commit(context.Background(), g.node, *step.Move)
	var stale *store.StaleError
	if errors.As(err, &stale) {
		clear(g.services)
		if stale.Roster {
			g.stale[key]++
		}
		return err
	}
	if err == nil {
		g.stale[key] = 0
	}
	return err
}

// load reads what a decision about a feature sees. What a service was read as
// before may do, as in an agent that reads again only when a watch has fired.
func (g *agent) load(key string) (plan.State, bool, error) {
	node, err := g.store.Feature(context.Background(), key)
	if errors.Is(err, muster.ErrNotFound) {
		return plan.State{}, false, nil
	}
	if err != nil {
		return plan.State{}, false, err
	}
	s := plan.State{
		Status: node.Status, Version: node.Version, Spec: node.Spec, Next: node.Next,
		Services:  make(map[string]muster.Service),
		Contended: g.stale[key] > 1, Agent: g.name, Operation: g.w.operation(),
	}
	if node.Problem != "" {
		g.w.fail("G5", "feature %s cannot be read: %s", key, node.Problem)
	}
	for _, spec := range []*muster.Spec{node.Spec, node.Next} {
		if spec == nil {
			continue
		}
		for _, service := range spec.Services() {
			if s.Services[service], err = g.service(service, true); err != nil {
				return s, false, err
			}
		}
	}
	if s.Prerequisites, err = g.prerequisites(node); err != nil {
		return s, false, err
	}
	s.Now = g.w.now
	return s, true, nil
}

// prerequisites reads the features that one needs on.
func (g *agent) prerequisites(node store.FeatureNode) (map[string]plan.Neighbour, error) {
	neighbours := make(map[string]plan.Neighbour)
	for _, key := range plan.Prerequisites(node.Spec, node.Next) {
		other, err := g.store.Feature(context.Background(), key)
		if err != nil && !errors.Is(err, muster.ErrNotFound) {
			return nil, err
		}
		neighbours[key] = other.Neighbour()
	}
	return neighbours, nil
}

func (g *agent) service(name string, oldWillDo bool) (muster.Service, error) {
	if svc, read := g.services[name]; read && oldWillDo && g.w.chance(40) {
		return svc, nil
	}
	if g.bodies[name] == nil {
		g.bodies[name] = store.NewBodies(nil)
	}
	svc, err := g.store.Service(context.Background(), name, g.bodies[name])
	if err != nil {
		return svc, err
	}
	g.observe(name, svc.Members)
	g.services[name] = svc
	return svc, nil
}

// observe notes since when members are not live.
func (g *agent) observe(service string, members []muster.Member) {
	before := maps.Clone(g.absent)
	maps.DeleteFunc(g.absent, func(s stay, _ time.Time) bool { return s.service == service })
	for n, m := range members {
		if m.Live {
			continue
		}
		s := stay{service: service, entry: m.Instance.Entry(), version: m.Version}
		since, known := before[s]
		if !known {
			since = g.w.now
		}
		g.absent[s] = since
		members[n].Vanished = since
	}
}

// reap gives up members of a service whose quarantine is over.
func (g *agent) reap(service string) error {
	svc, err := g.service(service, true)
	if err != nil {
		return err
	}
	due, _ := plan.Reap(svc, false, g.w.now, plan.Quarantine{Fixed: quarantine})
	for _, m := range due {
		err := g.store.Reap(context.Background(), g.node, service, m, g.w.removal(muster.ActionReap, m, g.name))
		delete(g.services, service)
		if err != nil {
			return err
		}
		g.w.say("agent %s reaped %s", g.name, m.Instance.Entry())
		g.w.stats.Reaps++
	}
	return nil
}

// removal tells of a member that is removed.
func (w *world) removal(action muster.Action, m muster.Member, by string) muster.Record {
	return muster.Record{
		Time: w.now, Action: action, Service: m.Instance.Service, Instance: m.Instance.ID, By: by, Operation: w.operation(),
	}
}

func (w *world) operation() string {
	w.serial++
	return fmt.Sprintf("op%d", w.serial)
}

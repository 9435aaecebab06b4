package agent

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
)

// errAway: there is no session now.
var errAway = errors.New("zookeeper is away: no session (the agent keeps trying; values shown are the last known)")

// A mirror is what this agent has last seen of the registry. It outlives
// sessions: while ZooKeeper is away it answers with what is last known, and
// says that it is not ready (G7).
type mirror struct {
	mu       sync.Mutex // guards the fields below; what they point to never changes
	features map[string]*store.FeatureNode
	services map[string]*muster.Service
	judged   map[string]judgement // by feature: what was last made of them
	leader   string
	self     bool
	ready    func() error  // asks the session
	changed  chan struct{} // closed at the next change
}

var _ view = (*mirror)(nil)

// A judgement is what a feature waits for, and on what that was found.
type judgement struct {
	inputs  inputs
	waiting []muster.Blocker
}

func newMirror() *mirror {
	return &mirror{
		features: make(map[string]*store.FeatureNode),
		services: make(map[string]*muster.Service),
		judged:   make(map[string]judgement),
		ready:    func() error { return errAway },
		changed:  make(chan struct{}),
	}
}

// setFeature takes what was read of a feature; nil for nothing there.
func (m *mirror) setFeature(key string, node *store.FeatureNode) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if node == nil {
		delete(m.features, key)
		delete(m.judged, key)
	} else {
		m.features[key] = node
	}
	m.tellLocked()
}

func (m *mirror) setService(name string, svc *muster.Service) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.services[name] = svc
	// What was judged would keep the former roster, which may be long.
	maps.DeleteFunc(m.judged, func(_ string, j judgement) bool {
		_, ok := j.inputs.services[name]
		return ok
	})
	m.tellLocked()
}

func (m *mirror) setLeader(name string, self bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leader == name && m.self == self {
		return
	}
	m.leader, m.self = name, self
	m.tellLocked()
}

// setReady says how to ask whether the view is complete and fed.
func (m *mirror) setReady(ready func() error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ready = ready
	m.tellLocked()
}

// tellLocked tells everyone who waits for a change.
func (m *mirror) tellLocked() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *mirror) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *mirror) Leader() (name string, self bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leader, m.self
}

func (m *mirror) Ready() error {
	m.mu.Lock()
	ready := m.ready
	m.mu.Unlock()
	return ready()
}

func (m *mirror) Feature(key string) (muster.Feature, bool) {
	m.mu.Lock()
	in := m.inputsLocked(key)
	known := m.judged[key]
	leaderless := m.leader == ""
	m.mu.Unlock()
	if in.feature == nil || in.feature.Status.Deleted {
		return muster.Feature{}, false
	}
	if !known.inputs.same(in) {
		// Judged outside the lock, and at most once for each change: a roster may
		// be long.
		known = judgement{inputs: in, waiting: waiting(in)}
		m.mu.Lock()
		m.judged[key] = known
		m.mu.Unlock()
	}
	return feature(key, known, leaderless), true
}

func (m *mirror) Features() []muster.Feature {
	features := make([]muster.Feature, 0)
	for _, key := range m.featureKeys() {
		if f, ok := m.Feature(key); ok {
			features = append(features, f)
		}
	}
	return features
}

func (m *mirror) Service(name string) (muster.Service, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	svc, ok := m.services[name]
	if !ok || !exists(svc) {
		return muster.Service{}, false
	}
	return *svc, true
}

func (m *mirror) Services() []muster.Service {
	m.mu.Lock()
	defer m.mu.Unlock()
	services := make([]muster.Service, 0, len(m.services))
	for _, name := range slices.Sorted(maps.Keys(m.services)) {
		if svc := m.services[name]; exists(svc) {
			services = append(services, *svc)
		}
	}
	return services
}

// exists tells a service of the registry from one that only a spec names.
func exists(svc *muster.Service) bool {
	return svc.Sheet.Revision >= 0 || svc.Problem != "" || len(svc.Members) > 0 || len(svc.Knocks) > 0
}

func (m *mirror) featureKeys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.features))
}

func (m *mirror) inputsLocked(key string) inputs {
	in := inputs{feature: m.features[key]}
	if in.feature == nil {
		return in
	}
	in.services = make(map[string]*muster.Service)
	for _, name := range participants(in.feature) {
		if svc, ok := m.services[name]; ok {
			in.services[name] = svc
		}
	}
	return in
}

// confirming returns the services whose vanished members some feature wants to
// be confirmed gone: those of features that are not at rest at off.
func (m *mirror) confirming() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	services := make(map[string]bool)
	for _, node := range m.features {
		if st := node.Status; st.Deleted || st.Stage == muster.Off && st.Settled() {
			continue
		}
		for _, spec := range []*muster.Spec{node.Spec, node.Next} {
			if spec == nil || spec.Vanished != muster.Confirm {
				continue
			}
			for name := range spec.Participants {
				services[name] = true
			}
		}
	}
	return services
}

// waiting names what the feature's next step waits for, and who waits at its
// gate.
func waiting(in inputs) []muster.Blocker {
	if in.feature.Problem != "" {
		return []muster.Blocker{{Reason: muster.ReasonUnreadable, Detail: in.feature.Problem}}
	}
	blockers := plan.Next(in.state(time.Time{})).Waiting
	return append(slices.Clip(blockers), knocking(in)...)
}

// knocking names the instances that the feature's gate keeps out, and those of
// which nobody can tell.
func knocking(in inputs) []muster.Blocker {
	key := in.feature.Status.Feature
	var blockers []muster.Blocker
	for _, name := range slices.Sorted(maps.Keys(in.services)) {
		svc := in.services[name]
		for _, k := range svc.Knocks {
			if k.Problem != "" {
				blockers = append(blockers, muster.Blocker{Reason: muster.ReasonUnreadable, Service: name, Instance: k.Instance.ID, Detail: k.Problem})
				continue
			}
			for _, r := range svc.Sheet.Admit(k.Instance.Version) {
				if r.Feature == key {
					blockers = append(blockers, muster.Blocker{
						Reason: muster.ReasonKnock, Service: name, Instance: k.Instance.ID, Version: k.Instance.Version,
						Constraint: r.Constraint, Since: k.Since,
						Detail: fmt.Sprintf("is refused and waits at the gate: needs %s (upgrade it, or: muster deactivate %s)", r.Constraint, key),
					})
				}
			}
		}
	}
	return blockers
}

// feature is what readers see.
func feature(key string, known judgement, leaderless bool) muster.Feature {
	node := known.inputs.feature
	f := muster.Feature{Status: node.Status, Blockers: slices.Clone(known.waiting)}
	f.Status.Feature = key // also where the status cannot be read
	switch {
	case node.Spec != nil:
		f.Spec, f.Pending = *node.Spec, node.Next
	case node.Next != nil:
		f.Spec = *node.Next
	}
	if leaderless && !node.Status.Settled() {
		f.Blockers = append(f.Blockers, muster.Blocker{Reason: muster.ReasonNoLeader, Detail: "no agent leads, as far as this one can tell"})
	}
	muster.SortBlockers(f.Blockers)
	return f
}

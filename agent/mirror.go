package agent

import (
	"errors"
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
	confirm  map[string]bool      // services whose vanished members must be confirmed gone; replaced whole
	failures map[string]muster.Failure
	leader   string
	self     bool

	quarantine plan.Quarantine

	ready   func() error  // asks the session
	changed chan struct{} // closed at the next change
}

var _ view = (*mirror)(nil)

// A judgement is what a feature waits for, and on what that was found.
type judgement struct {
	inputs  inputs
	waiting []muster.Blocker
	movable time.Time // since when nothing keeps the leader from the next step; zero where something does
}

func newMirror() *mirror {
	return &mirror{
		features: make(map[string]*store.FeatureNode),
		services: make(map[string]*muster.Service),
		judged:   make(map[string]judgement),
		failures: make(map[string]muster.Failure),
		ready:    func() error { return errAway },
		changed:  make(chan struct{}),
	}
}

// setFeature takes what was read of a feature; nil for nothing there.
func (m *mirror) setFeature(key string, node *store.FeatureNode) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.features[key]
	if node == nil {
		delete(m.features, key)
		delete(m.judged, key)
	} else {
		m.features[key] = node
	}
	if len(confirms(was))+len(confirms(node)) > 0 {
		m.confirmLocked()
	}
	m.tellLocked()
}

// setQuarantine says how long vanished members count, which blockers tell.
func (m *mirror) setQuarantine(q plan.Quarantine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q.Equal(m.quarantine) {
		return
	}
	m.quarantine = q
	clear(m.judged)
	m.tellLocked()
}

// setFailure says that the next step of a feature cannot be written, and why;
// zero for no longer.
func (m *mirror) setFailure(key string, failure muster.Failure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failures[key] == failure {
		return
	}
	if failure == (muster.Failure{}) {
		delete(m.failures, key)
	} else {
		m.failures[key] = failure
	}
	m.tellLocked()
}

// Failures returns the steps that this agent cannot write, by feature.
func (m *mirror) Failures() []muster.Failure {
	m.mu.Lock()
	defer m.mu.Unlock()
	var failures []muster.Failure
	for _, key := range slices.Sorted(maps.Keys(m.failures)) {
		failures = append(failures, m.failures[key])
	}
	return failures
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
	if !self {
		clear(m.failures) // another tries now
	}
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
	leader, failure := m.leader, m.failures[key]
	m.mu.Unlock()
	if in.feature == nil || in.feature.Status.Deleted {
		return muster.Feature{}, false
	}
	if !known.inputs.same(in) {
		// Judged outside the lock, and at most once for each change: a roster may
		// be long.
		known = judge(in, time.Now())
		m.mu.Lock()
		m.judged[key] = known
		m.mu.Unlock()
	}
	f := feature(key, known)
	f.Blockers = append(f.Blockers, unmoved(f.Status, known, leader, failure, time.Now())...)
	muster.SortBlockers(f.Blockers)
	return f, true
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
	in := inputs{feature: m.features[key], quarantine: m.quarantine, confirm: m.confirm}
	if in.feature == nil {
		return in
	}
	in.services = make(map[string]*muster.Service)
	for _, name := range participants(in.feature) {
		if svc, ok := m.services[name]; ok {
			in.services[name] = svc
		}
	}
	in.prerequisites = make(map[string]*store.FeatureNode)
	for _, other := range prerequisites(in.feature) {
		in.prerequisites[other] = m.features[other]
	}
	return in
}

// confirming returns the services whose vanished members some feature wants to
// be confirmed gone. It must not be changed.
func (m *mirror) confirming() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.confirm
}

func (m *mirror) confirmLocked() {
	services := make(map[string]bool)
	for _, node := range m.features {
		for _, name := range confirms(node) {
			services[name] = true
		}
	}
	if !maps.Equal(services, m.confirm) {
		m.confirm = services
		clear(m.judged)
	}
}

// confirms returns the services whose vanished members a feature wants to be
// confirmed gone: those of one that is not at rest at off.
func confirms(node *store.FeatureNode) []string {
	if node == nil || node.Status.Deleted || node.Status.Stage == muster.Off && node.Status.Settled() {
		return nil
	}
	var services []string
	for _, spec := range []*muster.Spec{node.Spec, node.Next} {
		if spec != nil && spec.Vanished == muster.Confirm {
			services = append(services, spec.Services()...)
		}
	}
	return services
}

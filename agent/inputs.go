package agent

import (
	"context"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
)

// readers bounds how many participants of one feature are read at a time.
const readers = 16

// Inputs are what a decision about one feature rests on. Each thing is
// immutable and is replaced when it is read again, so the pointers tell whether
// there is anything new to decide on.
type inputs struct {
	feature  *store.FeatureNode         // nil when it is not there
	services map[string]*muster.Service // its participants, by name

	prerequisites map[string]*store.FeatureNode // by key; nil for one that is not there

	// What becomes of vanished members: only blockers tell, and whoever changes
	// it has everything judged anew.
	quarantine plan.Quarantine
	confirm    map[string]bool
}

func (in inputs) same(other inputs) bool {
	return in.feature == other.feature && maps.Equal(in.services, other.services) && maps.Equal(in.prerequisites, other.prerequisites)
}

// state is what the planner sees of the inputs. A participant that was not read
// yet blocks.
func (in inputs) state(now time.Time) plan.State {
	services := make(map[string]muster.Service)
	for _, name := range participants(in.feature) {
		if svc, ok := in.services[name]; ok {
			services[name] = *svc
		} else {
			services[name] = muster.Service{Problem: "was not read yet"}
		}
	}
	prerequisites := make(map[string]plan.Neighbour)
	for key, node := range in.prerequisites {
		if node != nil {
			prerequisites[key] = node.Neighbour()
		}
	}
	return plan.State{
		Now:      now,
		Status:   in.feature.Status,
		Version:  in.feature.Version,
		Spec:     in.feature.Spec,
		Next:     in.feature.Next,
		Services: services,

		Prerequisites: prerequisites,

		Quarantine: in.quarantine,
		Confirm:    in.confirm,
	}
}

// participants returns the services that any spec of the feature names, sorted.
func participants(node *store.FeatureNode) []string {
	names := make(map[string]bool)
	for _, spec := range []*muster.Spec{node.Spec, node.Next} {
		if spec != nil {
			for name := range spec.Participants {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// prerequisites returns the features that any spec of the feature needs on.
func prerequisites(node *store.FeatureNode) []string {
	return plan.Prerequisites(node.Spec, node.Next)
}

// inputs returns what a decision about the feature rests on, and reads only
// what was invalidated. The feature comes first and its services after it, so
// that no sheet is older than the status that it is judged with.
func (f *feed) inputs(ctx context.Context, key string) (inputs, error) {
	node, err := f.feature(key).current(ctx)
	if node == nil || err != nil {
		return inputs{}, err
	}
	names, needs := participants(node), prerequisites(node)
	services := make([]*muster.Service, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, name := range names {
		g.Go(func() (err error) {
			services[i], err = f.service(name).current(ctx)
			return err
		})
	}
	others := make([]*store.FeatureNode, len(needs))
	for i, other := range needs {
		g.Go(func() (err error) {
			others[i], err = f.feature(other).current(ctx)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return inputs{}, err
	}
	in := inputs{
		feature: node, services: make(map[string]*muster.Service, len(names)),
		prerequisites: make(map[string]*store.FeatureNode, len(needs)),
	}
	for i, name := range names {
		in.services[name] = services[i]
	}
	for i, other := range needs {
		in.prerequisites[other] = others[i]
	}
	return in, nil
}

// invalidate has all of it read again before anything is decided on it.
func (f *feed) invalidate(key string, in inputs) {
	f.feature(key).invalidate()
	for name := range in.services {
		f.service(name).invalidate()
	}
	for other := range in.prerequisites {
		f.feature(other).invalidate()
	}
}

// look has all of it read again soon.
func (f *feed) look(key string, in inputs) {
	f.feature(key).wake()
	for name := range in.services {
		f.service(name).wake()
	}
	for other := range in.prerequisites {
		f.feature(other).wake()
	}
}

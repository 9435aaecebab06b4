package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/zoo"
)

// Neighbour returns the feature as a decision about another one sees it.
func (f FeatureNode) Neighbour() plan.Neighbour {
	return plan.Neighbour{Status: f.Status, Version: f.Version, Spec: f.Spec, Next: f.Next, Problem: f.Problem}
}

// others reads the other features that a command is judged by, and the version
// of the list of all specs before them.
//
// An apply sets that version, so of two that do not know of one another one is
// decided anew: together they might contradict, or close a cycle. A command
// that must know everyone who needs its feature checks it. Nothing else does,
// so features are moved, activated and killed without contention.
func (s *Store) others(ctx context.Context, cmd *plan.Command) (specs int32, err error) {
	cmd.Others = make(map[string]plan.Neighbour)
	var keys []string
	switch cmd.Action {
	case muster.ActionActivate:
		keys = plan.Prerequisites(cmd.InForce, cmd.Newest)
	case muster.ActionApply, muster.ActionDeactivate, muster.ActionDelete:
		list, err := s.tree.Get(ctx, s.at.features())
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", s.at.features(), err)
		}
		specs = list.Stat.Version
		if keys, err = s.Features(ctx); err != nil {
			return 0, err
		}
	}
	nodes := make([]*FeatureNode, len(keys))
	err = s.each(ctx, len(keys), func(ctx context.Context, i int) error {
		if keys[i] == cmd.Feature {
			return nil
		}
		node, err := s.Feature(ctx, keys[i])
		if errors.Is(err, muster.ErrNotFound) {
			return nil
		}
		nodes[i] = &node
		return err
	})
	for i, node := range nodes {
		if err == nil && node != nil {
			cmd.Others[keys[i]] = node.Neighbour()
		}
	}
	return specs, err
}

// addOthers makes the transaction hold only while what the command was judged
// by is as it was read.
func (s *Store) addOthers(t *zoo.Txn, cmd plan.Command, specs int32) {
	versions := cmd.RestsOn()
	for _, key := range slices.Sorted(maps.Keys(versions)) {
		t.Check(s.at.feature(key), versions[key])
	}
	switch cmd.Action {
	case muster.ActionApply:
		t.Set(s.at.features(), nil, specs)
	case muster.ActionDeactivate, muster.ActionDelete:
		t.Check(s.at.features(), specs)
	}
}

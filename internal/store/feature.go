package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// A FeatureNode is what is stored of one feature.
type FeatureNode struct {
	Status  muster.Status // with the key alone where there is a Problem with it
	Version int32         // of the node: every write compares it
	Spec    *muster.Spec  // in force; nil before the first
	Next    *muster.Spec  // applied and not yet in force; nil when there is none
	// Problem says what cannot be read, with its path; "" when all can.
	Problem string
}

// Features returns the keys of all features ever known, sorted: removed ones
// are among them, and say so in their status.
func (s *Store) Features(ctx context.Context) (keys []string, err error) {
	return s.names(ctx, s.at.features())
}

// WatchFeatures is [Store.Features] with a channel that is closed when there
// are others.
func (s *Store) WatchFeatures(ctx context.Context) (keys []string, changed <-chan struct{}, err error) {
	return s.watchNames(ctx, s.at.features())
}

// Services returns the names of all services ever known, sorted.
func (s *Store) Services(ctx context.Context) (names []string, err error) {
	return s.names(ctx, s.at.services())
}

// WatchServices is [Store.Services] with a channel that is closed when there
// are others.
func (s *Store) WatchServices(ctx context.Context) (names []string, changed <-chan struct{}, err error) {
	return s.watchNames(ctx, s.at.services())
}

func (s *Store) names(ctx context.Context, path string) ([]string, error) {
	names, _, err := s.tree.Children(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	slices.Sort(names)
	return names, nil
}

func (s *Store) watchNames(ctx context.Context, path string) ([]string, <-chan struct{}, error) {
	names, _, changed, err := s.tree.WatchChildren(ctx, path)
	if err != nil {
		return nil, nil, fmt.Errorf("list %s: %w", path, err)
	}
	slices.Sort(names)
	return names, changed, nil
}

// Feature reads one feature with its specs. An unknown one is a
// [muster.ErrNotFound]; what cannot be read is the node's Problem.
func (s *Store) Feature(ctx context.Context, key string) (FeatureNode, error) {
	node, _, err := s.readFeature(ctx, key, false)
	return node, err
}

// WatchFeature is [Store.Feature] with a channel that is closed when the
// feature changes.
func (s *Store) WatchFeature(ctx context.Context, key string) (FeatureNode, <-chan struct{}, error) {
	return s.readFeature(ctx, key, true)
}

func (s *Store) readFeature(ctx context.Context, key string, watch bool) (FeatureNode, <-chan struct{}, error) {
	feature := FeatureNode{Status: muster.Status{Feature: key}}
	if err := muster.ValidateFeature(key); err != nil {
		return feature, nil, fmt.Errorf("%w: %w", muster.ErrNotFound, err)
	}
	path := s.at.feature(key)
	node, changed, err := s.getOrWatch(ctx, path, watch)
	switch {
	case errors.Is(err, zoo.ErrNoNode):
		return feature, nil, fmt.Errorf("feature %s: %w (see: muster feature list)", key, muster.ErrNotFound)
	case err != nil:
		return feature, nil, fmt.Errorf("feature %s: %w", key, err)
	}
	feature.Version = node.Stat.Version
	feature.Status, err = decodeStatus(path, key, node.Data)
	if err == nil && !feature.Status.Deleted {
		err = s.readSpecs(ctx, &feature)
	}
	var garbage *GarbageError
	switch {
	case errors.As(err, &garbage):
		feature.Problem = garbage.Error()
	case err != nil:
		return feature, nil, fmt.Errorf("feature %s: %w", key, err)
	}
	return feature, changed, nil
}

func (s *Store) getOrWatch(ctx context.Context, path string, watch bool) (zoo.Node, <-chan struct{}, error) {
	if watch {
		return s.tree.Watch(ctx, path)
	}
	node, err := s.tree.Get(ctx, path)
	return node, nil, err
}

func (s *Store) readSpecs(ctx context.Context, f *FeatureNode) (err error) {
	if f.Status.Spec != 0 {
		if f.Spec, err = s.spec(ctx, f.Status.Feature, f.Status.Spec); err != nil {
			return err
		}
	}
	if f.Status.DesiredSpec != f.Status.Spec {
		f.Next, err = s.spec(ctx, f.Status.Feature, f.Status.DesiredSpec)
	}
	return err
}

type specKey struct {
	feature  string
	revision int64
}

// spec returns one revision of a feature's spec. It never changes, so it is
// read once.
func (s *Store) spec(ctx context.Context, key string, rev int64) (*muster.Spec, error) {
	if known, ok := s.specs.Load(specKey{key, rev}); ok {
		return known.(*muster.Spec), nil
	}
	path := s.at.spec(key, rev)
	node, err := s.tree.Get(ctx, path)
	switch {
	case errors.Is(err, zoo.ErrNoNode):
		return nil, &GarbageError{Path: path, Err: errors.New("it is missing")}
	case err != nil:
		return nil, err
	}
	spec, err := decodeSpec(path, key, rev, node.Data)
	if err != nil {
		return nil, err
	}
	known, _ := s.specs.LoadOrStore(specKey{key, rev}, &spec)
	return known.(*muster.Spec), nil
}

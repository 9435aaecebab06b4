package storetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// lossy is a session that loses the reply to its first commit, which was
// applied or not.
type lossy struct {
	store.Tree
	applied bool
	lost    bool
}

func (l *lossy) Commit(ctx context.Context, txn zoo.Txn) ([]zoo.Result, error) {
	if l.lost {
		return l.Tree.Commit(ctx, txn)
	}
	l.lost = true
	if l.applied {
		if _, err := l.Tree.Commit(ctx, txn); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("connection lost: %w", zoo.ErrUnknown)
}

// bothFates runs a test with a reply that is lost after the commit was applied,
// and before.
func bothFates(s *scene, run func(fate string, lose func(store.Tree) *store.Store)) {
	for fate, applied := range map[string]bool{"applied": true, "not applied": false} {
		run(fate, func(tree store.Tree) *store.Store { return s.as(&lossy{Tree: tree, applied: applied}) })
	}
}

// raced is a session in which something happens just before its first commit.
type raced struct {
	store.Tree
	happens func()
	once    sync.Once
}

func (r *raced) Commit(ctx context.Context, txn zoo.Txn) ([]zoo.Result, error) {
	r.once.Do(r.happens)
	return r.Tree.Commit(ctx, txn)
}

// observed is a session that tells of what is read.
type observed struct {
	store.Tree
	mu    sync.Mutex // guards paths
	paths []string
}

func (o *observed) note(path string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.paths = append(o.paths, path)
}

// reads returns what was read since it was last asked.
func (o *observed) reads() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	paths := o.paths
	o.paths = nil
	return paths
}

func (o *observed) Get(ctx context.Context, path string) (zoo.Node, error) {
	o.note(path)
	return o.Tree.Get(ctx, path)
}

func (o *observed) Children(ctx context.Context, path string) ([]string, zoo.Stat, error) {
	o.note(path)
	return o.Tree.Children(ctx, path)
}

func (o *observed) Watch(ctx context.Context, path string) (zoo.Node, <-chan struct{}, error) {
	o.note(path)
	return o.Tree.Watch(ctx, path)
}

func (o *observed) WatchChildren(ctx context.Context, path string) ([]string, zoo.Stat, <-chan struct{}, error) {
	o.note(path)
	return o.Tree.WatchChildren(ctx, path)
}

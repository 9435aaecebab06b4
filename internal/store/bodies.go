package store

import (
	"context"
	"errors"
	"sync"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// Bodies remembers what was read of one service through one session: members,
// which change only when they return, and acks and knocks, for as long as the watch on them has
// not fired. It makes a service of thousands cheap to read again, and cannot
// make it wrong: who is a member and who is live is read every time, and an ack
// from the past only says less than the present one (acks grow).
//
// It is for one [Store.Service] call at a time.
type Bodies struct {
	wake      func()
	watching  sync.WaitGroup           // one for each watch that stands
	unwatched bool                     // sets no watches: nothing is remembered
	members   map[string]muster.Member // by entry; readable ones
	acks      map[string]ack           // by entry
	knocks    map[string]knock         // by entry
	standing
}

type ack struct {
	muster.Ack
	problem string
	changed <-chan struct{}
}

type knock struct {
	muster.Knock
	changed <-chan struct{}
}

// standing holds the watches on the service's structure, by path.
type standing map[string]<-chan struct{}

// NewBodies returns an empty cache for one service and one session. wake is
// called, from goroutines that end with their watches, whenever something that
// was read of the service may have changed; they end with the session at the
// latest. It must not block. With nil nobody is told.
func NewBodies(wake func()) *Bodies {
	return &Bodies{
		wake:     wake,
		members:  make(map[string]muster.Member),
		acks:     make(map[string]ack),
		knocks:   make(map[string]knock),
		standing: make(standing),
	}
}

// tell calls wake when the watch fires.
func (b *Bodies) tell(changed <-chan struct{}) {
	if b.wake == nil || changed == nil {
		return
	}
	b.watching.Go(func() { // ends with the watch, at the latest with the session
		<-changed
		b.wake()
	})
}

// Wait returns when nobody is going to be woken any more: after the session
// has ended.
func (b *Bodies) Wait() { b.watching.Wait() }

// stands reports whether a watch has not fired.
func stands(changed <-chan struct{}) bool {
	if changed == nil {
		return false
	}
	select {
	case <-changed:
		return false
	default:
		return true
	}
}

// get reads a znode as it is now, and sees to it that a watch stands on it.
func (b *Bodies) get(ctx context.Context, tree Tree, path string) (zoo.Node, error) {
	if b.unwatched || stands(b.standing[path]) {
		return tree.Get(ctx, path)
	}
	node, changed, err := tree.Watch(ctx, path)
	b.arm(path, changed)
	return node, err
}

// children lists a znode's children as they are now, and sees to it that a
// watch stands on them.
func (b *Bodies) children(ctx context.Context, tree Tree, path string) ([]string, error) {
	if b.unwatched || stands(b.standing[path]) {
		names, _, err := tree.Children(ctx, path)
		return names, err
	}
	names, _, changed, err := tree.WatchChildren(ctx, path)
	b.arm(path, changed)
	return names, err
}

func (b *Bodies) arm(path string, changed <-chan struct{}) {
	if changed != nil {
		b.standing[path] = changed
		b.tell(changed)
	}
}

// forget drops what is remembered of entries that are gone.
func forget[T any](remembered map[string]T, names []string) {
	known := 0
	for _, name := range names {
		if _, there := remembered[name]; there {
			known++
		}
	}
	if known == len(remembered) {
		return
	}
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	for name := range remembered {
		if !there[name] {
			delete(remembered, name)
		}
	}
}

// problem returns the text of a [*GarbageError], and any other error as it is.
func problem(err error) (text string, other error) {
	var g *GarbageError
	if errors.As(err, &g) {
		return g.Error(), nil
	}
	return "", err
}

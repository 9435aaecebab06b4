package store

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster/internal/zoo"
)

// A Tree is one session with ZooKeeper; [*zoo.Session] is one.
type Tree interface {
	ID() int64
	Get(ctx context.Context, path string) (zoo.Node, error)
	Children(ctx context.Context, path string) ([]string, zoo.Stat, error)
	Watch(ctx context.Context, path string) (zoo.Node, <-chan struct{}, error)
	WatchChildren(ctx context.Context, path string) ([]string, zoo.Stat, <-chan struct{}, error)
	Sync(ctx context.Context, path string) error
	Commit(ctx context.Context, txn zoo.Txn) ([]zoo.Result, error)
}

var _ Tree = (*zoo.Session)(nil)

// defaultReaders is how many reads are under way at a time: enough to fill the
// pipe to a server that is a few milliseconds away.
const defaultReaders = 64

// A Store reads and writes what lies below one root, through one session.
type Store struct {
	tree    Tree
	at      paths
	readers int

	specs sync.Map      // specKey -> *muster.Spec; they are immutable
	turn  chan struct{} // holds a token while a command is carried out that contends with others, see Command
}

// New returns a store on a session; it neither reads nor creates anything. The
// root is a path such as /muster.
func New(tree Tree, root string) *Store {
	return &Store{tree: tree, at: paths{root: root}, readers: defaultReaders, turn: make(chan struct{}, 1)}
}

// WithReaders returns a store on the same session that has at most n reads
// under way for one call. With 1 it starts no goroutine: every read is made by
// the caller's own, in a fixed order.
func (s *Store) WithReaders(n int) *Store {
	return &Store{tree: s.tree, at: s.at, readers: max(n, 1), turn: s.turn}
}

// each calls read for 0 to n-1, several at a time, and returns the first error.
func (s *Store) each(ctx context.Context, n int, read func(ctx context.Context, i int) error) error {
	workers := min(s.readers, n)
	if workers <= 1 {
		for i := range n {
			if err := read(ctx, i); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := read(ctx, i); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

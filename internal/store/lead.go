package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/zoo"
)

// Init makes what must be there before anything else can be: the root and its
// folders. It may be repeated.
func (s *Store) Init(ctx context.Context) error {
	for _, path := range s.at.skeleton() {
		if err := s.ensure(ctx, path); err != nil {
			return fmt.Errorf("create %s: %w", path, err)
		}
	}
	return nil
}

// ensure creates one empty znode if it is missing.
func (s *Store) ensure(ctx context.Context, path string) error {
	return settle(func() (bool, error) {
		node, _, err := s.peek(ctx, path)
		if err != nil || node.there {
			return true, err
		}
		var t zoo.Txn
		t.Create(path, nil, zoo.Persistent)
		_, err = s.tree.Commit(ctx, t)
		if errors.Is(err, zoo.ErrUnknown) || conflicts(err) { // somebody else may have been first
			return false, s.tree.Sync(ctx, path)
		}
		return true, err
	})
}

// Enroll makes the agent a candidate for as long as the session lasts, once,
// and returns the name of its node.
func (s *Store) Enroll(ctx context.Context, agent string) (node string, err error) {
	prefix := agent + "-n"
	err = settle(func() (bool, error) {
		var t zoo.Txn
		t.Create(s.at.agent(prefix), nil, zoo.EphemeralSequential)
		results, err := s.tree.Commit(ctx, t)
		switch {
		case err == nil:
			node = base(results[0].Path)
		case errors.Is(err, zoo.ErrUnknown):
			node, err = s.enrolled(ctx, prefix)
		}
		return node != "", err
	})
	if err != nil {
		err = fmt.Errorf("enroll %s: %w", agent, err)
	}
	return node, err
}

// enrolled looks for the node of a candidate whose reply was lost: the one of
// its name that this session owns.
func (s *Store) enrolled(ctx context.Context, prefix string) (string, error) {
	if err := s.tree.Sync(ctx, s.at.agents()); err != nil {
		return "", err
	}
	nodes, err := s.Agents(ctx)
	if err != nil {
		return "", err
	}
	for _, node := range nodes {
		if !strings.HasPrefix(node, prefix) {
			continue
		}
		found, _, err := s.peek(ctx, s.at.agent(node))
		if err != nil {
			return "", err
		}
		if found.there && found.stat.EphemeralOwner == s.tree.ID() {
			return node, nil
		}
	}
	return "", nil
}

// Agents returns the nodes of all candidates in the order in which they lead.
func (s *Store) Agents(ctx context.Context) ([]string, error) {
	nodes, _, err := s.tree.Children(ctx, s.at.agents())
	if err != nil {
		return nil, fmt.Errorf("agents: %w", err)
	}
	return inLine(nodes), nil
}

// inLine sorts numbered nodes by their numbers. What bears none is there by
// hand, and would otherwise lead for ever.
func inLine(nodes []string) []string {
	nodes = slices.DeleteFunc(nodes, func(node string) bool { return sequence(node) < 0 })
	slices.SortFunc(nodes, func(a, b string) int {
		return cmp.Or(cmp.Compare(sequence(a), sequence(b)), strings.Compare(a, b))
	})
	return nodes
}

// Leader returns the node of the candidate that leads, "" while there is none,
// and a channel that is closed when that may have changed. It watches that one
// node, which only its own end changes; whoever enrolls comes after it.
func (s *Store) Leader(ctx context.Context) (node string, changed <-chan struct{}, err error) {
	err = settle(func() (bool, error) {
		nodes, err := s.Agents(ctx)
		if err == nil && len(nodes) == 0 {
			nodes, _, changed, err = s.tree.WatchChildren(ctx, s.at.agents())
			return len(inLine(nodes)) == 0, err // and otherwise look who it is
		}
		if err != nil {
			return false, err
		}
		node = nodes[0]
		_, changed, err = s.tree.Watch(ctx, s.at.agent(node))
		if errors.Is(err, zoo.ErrNoNode) {
			node = ""
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return "", nil, fmt.Errorf("leader: %w", err)
	}
	return node, changed, nil
}

// AgentName returns the name of the agent whose node this is.
func AgentName(node string) string {
	if i := strings.LastIndex(node, "-n"); i >= 0 && sequence(node) >= 0 {
		return node[:i]
	}
	return node
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

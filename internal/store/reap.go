package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// Reap removes a member whose quarantine is over. It asserts that the member is
// still absent and has not returned since it was judged; otherwise the error is
// a [*StaleError]. Other errors are those of [Store.Commit].
func (s *Store) Reap(ctx context.Context, leader, service string, m muster.Member, rec muster.Record) error {
	if err := s.remove(ctx, leader, service, m, rec); err != nil {
		return fmt.Errorf("reap %s/%s: %w", service, m.Instance.ID, err)
	}
	return nil
}

// Decommission removes a member of which somebody confirmed that it is gone. It
// is like [Store.Reap]; one that is live is a [muster.ErrFailedPrecondition].
func (s *Store) Decommission(ctx context.Context, agentNode, service string, m muster.Member, rec muster.Record) error {
	err := s.remove(ctx, agentNode, service, m, rec)
	var stale *StaleError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &stale) && stale.Path == s.at.liveEntry(service, m.Instance.Entry()):
		return fmt.Errorf("decommission %s/%s: it is live: %w (stop it first)", service, m.Instance.ID, muster.ErrFailedPrecondition)
	default:
		return fmt.Errorf("decommission %s/%s: %w", service, m.Instance.ID, err)
	}
}

func (s *Store) remove(ctx context.Context, agent, service string, m muster.Member, rec muster.Record) error {
	entry := m.Instance.Entry()
	live := s.at.liveEntry(service, entry)
	var t zoo.Txn
	t.Check(s.at.agent(agent), -1) // G5
	// ZooKeeper cannot check that a node is missing, but only a missing one can
	// be created.
	t.Create(live, nil, zoo.Persistent)
	t.Delete(live, -1)
	t.Delete(s.at.member(service, entry), m.Version) // it grows on every return
	if err := s.addRecord(&t, rec); err != nil {
		return err
	}
	_, err := s.tree.Commit(ctx, t)
	return s.stale(agent, err)
}

// MemberVersion returns the version of a member's entry as it is now, also of
// one that cannot be read. One that is not there is a [muster.ErrNotFound].
func (s *Store) MemberVersion(ctx context.Context, service, entry string) (int32, error) {
	path := s.at.member(service, entry)
	if err := s.tree.Sync(ctx, path); err != nil {
		return 0, fmt.Errorf("member %s/%s: %w", service, entry, err)
	}
	found, _, err := s.peek(ctx, path)
	switch {
	case err != nil:
		return 0, fmt.Errorf("member %s/%s: %w", service, entry, err)
	case !found.there:
		return 0, fmt.Errorf("member %s/%s: %w", service, entry, muster.ErrNotFound)
	}
	return found.stat.Version, nil
}

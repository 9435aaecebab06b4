package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// Leave takes the instance out of the roster, without quarantine: it has
// drained. It removes a knock as well, and is done when nothing is left, so it
// may be repeated.
func (s *Store) Leave(ctx context.Context, inst muster.Instance) error {
	if err := settle(func() (bool, error) { return s.leave(ctx, inst) }); err != nil {
		return fmt.Errorf("leave %s/%s: %w", inst.Service, inst.ID, err)
	}
	return nil
}

func (s *Store) leave(ctx context.Context, inst muster.Instance) (bool, error) {
	if err := s.tree.Sync(ctx, s.at.sheet(inst.Service)); err != nil {
		return false, err
	}
	old, err := s.entries(ctx, inst)
	if err != nil {
		return false, err
	}
	if !old.member.there && !old.live.there && !old.knock.there {
		return true, nil
	}
	var t zoo.Txn
	if old.member.there || old.live.there {
		t.Set(s.at.roster(inst.Service), nil, -1)
	}
	for _, e := range []entryNode{old.live, old.member, old.knock} {
		if e.there {
			t.Delete(e.path, e.stat.Version)
		}
	}
	_, err = s.tree.Commit(ctx, t)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, zoo.ErrUnknown), conflicts(err):
		return false, nil // what is left is read again
	default:
		return false, err
	}
}

// Knock says that the gate refused the instance and that it waits. It may be
// repeated; the entry goes with the session, or when the instance joins.
func (s *Store) Knock(ctx context.Context, inst muster.Instance, refusals []muster.Refusal, since time.Time) error {
	if err := inst.Validate(); err != nil {
		return fmt.Errorf("knock: %w", err)
	}
	body, err := encode(muster.Knock{Instance: inst, Refusals: refusals, Since: since})
	if err != nil {
		return fmt.Errorf("knock %s/%s: %w", inst.Service, inst.ID, err)
	}
	if err := settle(func() (bool, error) { return s.knock(ctx, inst, body) }); err != nil {
		return fmt.Errorf("knock %s/%s: %w", inst.Service, inst.ID, err)
	}
	return nil
}

func (s *Store) knock(ctx context.Context, inst muster.Instance, body []byte) (bool, error) {
	old, data, err := s.peek(ctx, s.at.knock(inst.Service, inst.Entry()))
	if err != nil {
		return false, err
	}
	if old.there && old.stat.EphemeralOwner == s.tree.ID() && bytes.Equal(data, body) {
		return true, nil
	}
	var t zoo.Txn
	t.Check(s.at.knocks(inst.Service), -1)
	s.replace(&t, old, body)
	_, err = s.tree.Commit(ctx, t)
	var conflict *zoo.ConflictError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &conflict) && conflict.Path == s.at.knocks(inst.Service):
		return false, s.createService(ctx, inst.Service)
	case errors.Is(err, zoo.ErrUnknown), conflict != nil:
		return false, s.tree.Sync(ctx, old.path) // and look again
	default:
		return false, err
	}
}

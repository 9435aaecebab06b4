package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// Join makes the instance a live member, at birth and on return from a lost
// session alike. It calls apply with the sheet, as often as the sheet moves
// meanwhile, and registers with the ack that apply returns: so an instance is
// born at the current revision and is waited for no further.
//
// What apply was given is not in force before Join has returned: until then
// the sheet may have moved on without this instance, which behaves like one
// that is fenced. If the lease is over when apply is called, the instance may
// have been reaped meanwhile, and what is in flight from before must stay fenced
// for good. An apply that already runs on a newer revision than it is
// given says so in Ack.Applied, and Join returns a [muster.ErrConflict].
//
// A [*muster.RefusedError] says that the gate keeps the instance out.
func (s *Store) Join(ctx context.Context, inst muster.Instance, apply func(muster.Sheet) muster.Ack) (muster.Sheet, error) {
	if err := inst.Validate(); err != nil {
		return muster.Sheet{}, fmt.Errorf("join: %w", err)
	}
	var sheet muster.Sheet
	err := settle(func() (done bool, err error) {
		if sheet, err = s.freshSheet(ctx, inst.Service); err != nil {
			return false, err
		}
		if refusals := sheet.Admit(inst.Version); len(refusals) > 0 {
			return false, &muster.RefusedError{Service: inst.Service, Instance: inst.ID, Refusals: refusals}
		}
		// Before apply, so that who finds out there that its lease is not over is
		// sure to have stayed a member all along, or fails.
		old, err := s.entries(ctx, inst)
		if err != nil {
			return false, err
		}
		ack := apply(sheet)
		if ack.Applied > sheet.Revision {
			return false, fmt.Errorf("revision %d was applied and %d read: %w", ack.Applied, sheet.Revision, muster.ErrConflict)
		}
		return s.enter(ctx, inst, old, sheet, ack)
	})
	var refused *muster.RefusedError
	if err != nil && !errors.As(err, &refused) { // which says it all
		err = fmt.Errorf("join %s/%s: %w", inst.Service, inst.ID, err)
	}
	return sheet, err
}

// Sheet returns the service's sheet as it is now, also from a server that lags.
// It is a [muster.ErrNotFound] where nobody knows the service, and a
// [*GarbageError] where the sheet cannot be read.
func (s *Store) Sheet(ctx context.Context, service string) (sheet muster.Sheet, err error) {
	path := s.at.sheet(service)
	if err := s.tree.Sync(ctx, path); err != nil {
		return sheet, fmt.Errorf("sheet of %s: %w", service, err)
	}
	found, data, err := s.peek(ctx, path)
	switch {
	case err != nil:
		return sheet, fmt.Errorf("sheet of %s: %w", service, err)
	case !found.there:
		return sheet, fmt.Errorf("sheet of %s: %w", service, muster.ErrNotFound)
	}
	return decodeSheet(path, service, data, found.stat.Version)
}

// freshSheet reads the sheet as it is now, on a lagging server too, and makes
// the service's skeleton where there is none.
func (s *Store) freshSheet(ctx context.Context, service string) (sheet muster.Sheet, err error) {
	path := s.at.sheet(service)
	if err := s.tree.Sync(ctx, path); err != nil {
		return sheet, err
	}
	err = settle(func() (bool, error) {
		node, err := s.tree.Get(ctx, path)
		if errors.Is(err, zoo.ErrNoNode) {
			return false, s.createService(ctx, service)
		}
		if err == nil {
			sheet, err = decodeSheet(path, service, node.Data, node.Stat.Version)
		}
		return true, err
	})
	return sheet, err
}

// enter registers under the given sheet. It returns false when the sheet moved
// or an entry came or went, so that everything is to be judged anew.
func (s *Store) enter(
	ctx context.Context, inst muster.Instance, old instanceNodes, sheet muster.Sheet, ack muster.Ack,
) (bool, error) {
	ackBody, err := encode(ack)
	if err != nil {
		return false, err
	}
	body, err := encode(memberBody{Instance: inst, Born: &ack.Revision})
	if err != nil {
		return false, err
	}
	var t zoo.Txn
	t.Check(s.at.sheet(inst.Service), sheet.Revision) // G2: the gate that was judged is the gate of this moment
	t.Set(s.at.roster(inst.Service), nil, -1)         // G1: counts registrations; -1, so that a storm never conflicts
	if old.member.there {
		t.Set(old.member.path, body, old.member.stat.Version) // it grows: whoever reaps the former stay fails
	} else {
		t.Create(old.member.path, body, zoo.Persistent)
	}
	s.replace(&t, old.live, ackBody)
	if old.knock.there {
		t.Delete(old.knock.path, old.knock.stat.Version)
	}
	_, err = s.tree.Commit(ctx, t)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, zoo.ErrUnknown):
		return s.entered(ctx, old.live.path, ackBody)
	case conflicts(err):
		return false, nil
	default:
		return false, err
	}
}

// entered tells whether a registration with an unknown outcome was done: the
// live entry is this session's own and says what was to be written.
func (s *Store) entered(ctx context.Context, live string, ack []byte) (bool, error) {
	if err := s.tree.Sync(ctx, live); err != nil {
		return false, err
	}
	node, err := s.tree.Get(ctx, live)
	if errors.Is(err, zoo.ErrNoNode) {
		return false, nil
	}
	return err == nil && node.Stat.EphemeralOwner == s.tree.ID() && bytes.Equal(node.Data, ack), err
}

// Ack says how far a live member has come. It returns [ErrNotMember] when the
// live entry is gone. An unknown outcome needs no care: acks are asserted again
// as long as they are not what they should be.
func (s *Store) Ack(ctx context.Context, inst muster.Instance, ack muster.Ack) error {
	body, err := encode(ack)
	if err != nil {
		return fmt.Errorf("ack %s/%s: %w", inst.Service, inst.ID, err)
	}
	var t zoo.Txn
	t.Set(s.at.liveEntry(inst.Service, inst.Entry()), body, -1)
	_, err = s.tree.Commit(ctx, t)
	switch {
	case err == nil:
		return nil
	case conflicts(err):
		return fmt.Errorf("ack %s/%s: %w", inst.Service, inst.ID, ErrNotMember)
	default:
		return fmt.Errorf("ack %s/%s: %w", inst.Service, inst.ID, err)
	}
}

// WatchSheet returns the service's sheet and a channel that is closed at its
// next change. With a [*GarbageError] the channel is valid too.
func (s *Store) WatchSheet(ctx context.Context, service string) (sheet muster.Sheet, changed <-chan struct{}, err error) {
	path := s.at.sheet(service)
	err = settle(func() (bool, error) {
		var node zoo.Node
		node, changed, err = s.tree.Watch(ctx, path)
		if errors.Is(err, zoo.ErrNoNode) {
			return false, s.createService(ctx, service)
		}
		if err == nil {
			sheet, err = decodeSheet(path, service, node.Data, node.Stat.Version)
		}
		return true, err
	})
	if err != nil {
		err = fmt.Errorf("sheet of %s: %w", service, err)
	}
	return sheet, changed, err
}

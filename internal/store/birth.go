package store

import (
	"context"
	"fmt"

	"github.com/musterhq/muster"
)

// Birth returns the transaction that made the instance a member. While it is
// the same, the instance was a member all along, whatever its clock says; one
// that was reaped and has joined anew has another. It is to be asked in the
// session that has joined, and returns [ErrNotMember] when the entry is gone.
func (s *Store) Birth(ctx context.Context, inst muster.Instance) (int64, error) {
	found, _, err := s.peek(ctx, s.at.member(inst.Service, inst.Entry()))
	if err == nil && !found.there {
		err = ErrNotMember
	}
	if err != nil {
		return 0, fmt.Errorf("birth of %s/%s: %w", inst.Service, inst.ID, err)
	}
	return found.stat.Czxid, nil
}

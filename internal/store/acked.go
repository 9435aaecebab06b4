package store

import (
	"context"
	"fmt"

	"github.com/musterhq/muster"
)

// Acked reads the instance's own ack back, to compare it with what it should
// be. It returns [ErrNotMember] when the live entry is gone or is a former
// session's, and a [*GarbageError] when somebody spoilt it.
func (s *Store) Acked(ctx context.Context, inst muster.Instance) (muster.Ack, error) {
	found, data, err := s.peek(ctx, s.at.liveEntry(inst.Service, inst.Entry()))
	if err == nil && (!found.there || found.stat.EphemeralOwner != s.tree.ID()) {
		err = ErrNotMember
	}
	var ack muster.Ack
	if err == nil {
		ack, err = decodeAck(found.path, data)
	}
	if err != nil {
		return ack, fmt.Errorf("ack of %s/%s: %w", inst.Service, inst.ID, err)
	}
	return ack, nil
}

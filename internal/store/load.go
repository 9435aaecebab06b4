package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// Service reads one service, with what bodies remembers of it (nil for
// nothing). One that is not there has sheet revision and roster -1. What cannot
// be read is the Problem of the service, the member or the knock, with its path.
//
// Of a member that is not live, Version is exact: it was read before the member
// was found absent, so as long as it stays the same the member has not returned
// in between. Vanished is left zero.
func (s *Store) Service(ctx context.Context, name string, bodies *Bodies) (muster.Service, error) {
	if bodies == nil {
		bodies = NewBodies(nil)
		bodies.unwatched = true
	}
	l := load{Store: s, Bodies: bodies, name: name}
	svc, err := l.service(ctx)
	if err != nil {
		return muster.Service{}, fmt.Errorf("service %s: %w", name, err)
	}
	return svc, nil
}

// load is one reading of one service.
type load struct {
	*Store
	*Bodies
	name string
}

// service reads in the order sheet, roster, members, live, knocks. Safety rests
// on it, also where the server lags, because a session's view only moves
// forward:
//
//   - G3: whoever joined under an older sheet than the one read was a member
//     before that sheet was written, so is among the members; whoever joined
//     later is born at this sheet, or the check of its version fails.
//   - G1: whoever is missing among the members registered after the roster's
//     version was read, and the check of that version fails.
//   - A member that is found absent was one before, so it is not merely new.
func (l load) service(ctx context.Context) (muster.Service, error) {
	svc := muster.Service{Sheet: muster.Sheet{Service: l.name, Revision: -1}, Roster: -1}
	if err := muster.ValidateService(l.name); err != nil {
		svc.Problem = err.Error()
		return svc, nil
	}
	node, err := l.get(ctx, l.tree, l.at.sheet(l.name))
	if errors.Is(err, zoo.ErrNoNode) {
		return svc, nil
	}
	if err != nil {
		return svc, err
	}
	svc.Sheet, err = decodeSheet(l.at.sheet(l.name), l.name, node.Data, node.Stat.Version)
	if svc.Problem, err = problem(err); err != nil {
		return svc, err
	}
	err = l.structure(ctx, &svc)
	if errors.Is(err, zoo.ErrNoNode) { // by hand: a skeleton comes whole
		svc.Problem = (&GarbageError{Path: l.at.sheet(l.name), Err: fmt.Errorf("something below it is missing: %w", err)}).Error()
		return svc, nil
	}
	return svc, err
}

func (l load) structure(ctx context.Context, svc *muster.Service) error {
	roster, err := l.tree.Get(ctx, l.at.roster(l.name))
	if err != nil {
		return err
	}
	svc.Roster = roster.Stat.Version
	entries, err := l.children(ctx, l.tree, l.at.members(l.name))
	if err != nil {
		return err
	}
	live, err := l.children(ctx, l.tree, l.at.live(l.name))
	if err != nil {
		return err
	}
	svc.Members, err = l.roster(ctx, entries, live)
	if err != nil {
		return err
	}
	knocks, err := l.children(ctx, l.tree, l.at.knocks(l.name))
	if err != nil {
		return err
	}
	svc.Knocks, err = l.readKnocks(ctx, knocks)
	return err
}

// roster makes members of entries.
func (l load) roster(ctx context.Context, entries, live []string) ([]muster.Member, error) {
	forget(l.members, entries)
	if err := l.readMembers(ctx, entries); err != nil {
		return nil, err
	}
	forget(l.acks, live) // who is not live has no ack, whatever it said before
	if err := l.readAcks(ctx, live); err != nil {
		return nil, err
	}
	absent, err := l.absent(ctx, entries)
	if err != nil {
		return nil, err
	}
	members := make([]muster.Member, 0, len(entries))
	for _, entry := range entries {
		m, there := l.members[entry]
		if !there {
			continue // it left meanwhile
		}
		if m.Live = !absent[entry]; m.Live {
			a, read := l.acks[entry]
			if !read { // it came back meanwhile: what it acked is not known
				a.Revision, a.Applied = -1, -1
			}
			m.Ack, m.Born = a.Ack, 0 // what is remembered of its birth may be of a former stay
			m.Problem = cmp.Or(m.Problem, a.problem)
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b muster.Member) int {
		return cmp.Or(strings.Compare(a.Instance.ID, b.Instance.ID), strings.Compare(a.Instance.Incarnation, b.Instance.Incarnation))
	})
	return members, nil
}

// readMembers reads the members that are not remembered, or were garbage.
func (l load) readMembers(ctx context.Context, entries []string) error {
	var missing []string
	for _, entry := range entries {
		if m, there := l.members[entry]; !there || m.Problem != "" {
			missing = append(missing, entry)
		}
	}
	return l.refreshMembers(ctx, missing)
}

func (l load) refreshMembers(ctx context.Context, entries []string) error {
	read := make([]*muster.Member, len(entries))
	err := l.each(ctx, len(entries), func(ctx context.Context, i int) error {
		path := l.at.member(l.name, entries[i])
		node, err := l.tree.Get(ctx, path)
		if errors.Is(err, zoo.ErrNoNode) {
			return nil
		}
		if err != nil {
			return err
		}
		m, err := decodeMember(path, l.name, entries[i], node.Data)
		m.Version = node.Stat.Version
		m.Problem, err = problem(err)
		read[i] = &m
		return err
	})
	for i, m := range read {
		if m != nil {
			l.members[entries[i]] = *m
		} else if err == nil {
			delete(l.members, entries[i])
		}
	}
	return err
}

// readAcks reads the acks that may have changed since they were remembered.
func (l load) readAcks(ctx context.Context, live []string) error {
	var changed []string
	for _, entry := range live {
		if a, there := l.acks[entry]; !there || !stands(a.changed) {
			changed = append(changed, entry)
		}
	}
	read := make([]*ack, len(changed))
	err := l.each(ctx, len(changed), func(ctx context.Context, i int) error {
		path := l.at.liveEntry(l.name, changed[i])
		node, fired, err := l.getOrWatch(ctx, path, !l.unwatched)
		if errors.Is(err, zoo.ErrNoNode) {
			return nil
		}
		if err != nil {
			return err
		}
		l.tell(fired)
		a := ack{changed: fired}
		a.Ack, err = decodeAck(path, node.Data)
		a.problem, err = problem(err)
		read[i] = &a
		return err
	})
	for i, a := range read {
		if a != nil {
			l.acks[changed[i]] = *a
		} else if err == nil {
			delete(l.acks, changed[i])
		}
	}
	return err
}

// absent returns which members are not live: those without an ack that are
// still not live when their version has been read. The order matters: a
// quarantine is counted for one stay of a member, and a stay is told by the
// version, so a version must not be older than the absence that it stands for.
func (l load) absent(ctx context.Context, entries []string) (map[string]bool, error) {
	var gone []string
	for _, entry := range entries {
		if _, live := l.acks[entry]; !live {
			gone = append(gone, entry)
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	if err := l.refreshMembers(ctx, gone); err != nil {
		return nil, err
	}
	live, err := l.children(ctx, l.tree, l.at.live(l.name))
	if err != nil {
		return nil, err
	}
	absent := make(map[string]bool, len(gone))
	for _, entry := range gone {
		absent[entry] = true
	}
	for _, entry := range live {
		delete(absent, entry)
	}
	return absent, nil
}

// readKnocks reads those who wait at the gate.
func (l load) readKnocks(ctx context.Context, entries []string) ([]muster.Knock, error) {
	read := make([]*knock, len(entries))
	err := l.each(ctx, len(entries), func(ctx context.Context, i int) error {
		if k, there := l.knocks[entries[i]]; there && stands(k.changed) {
			read[i] = &k
			return nil
		}
		path := l.at.knock(l.name, entries[i])
		node, fired, err := l.getOrWatch(ctx, path, !l.unwatched)
		if errors.Is(err, zoo.ErrNoNode) {
			return nil
		}
		if err != nil {
			return err
		}
		l.tell(fired)
		k := knock{changed: fired}
		k.Knock, err = decodeKnock(path, l.name, entries[i], node.Data)
		k.Problem, err = problem(err)
		read[i] = &k
		return err
	})
	if err != nil {
		return nil, err
	}
	var knocks []muster.Knock
	for i, k := range read {
		if k != nil {
			l.knocks[entries[i]] = *k
			knocks = append(knocks, k.Knock)
		}
	}
	forget(l.knocks, entries)
	return knocks, nil
}

package store

import (
	"context"
	"errors"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// An entryNode is a znode of one instance as it was found, if it was.
type entryNode struct {
	path  string
	there bool
	stat  zoo.Stat
}

// instanceNodes are all the znodes that an instance can have.
type instanceNodes struct{ member, live, knock entryNode }

// entries reads what there is of an instance.
func (s *Store) entries(ctx context.Context, inst muster.Instance) (instanceNodes, error) {
	var found instanceNodes
	name := inst.Entry()
	wanted := []struct {
		path string
		node *entryNode
	}{
		{s.at.member(inst.Service, name), &found.member},
		{s.at.liveEntry(inst.Service, name), &found.live},
		{s.at.knock(inst.Service, name), &found.knock},
	}
	err := s.each(ctx, len(wanted), func(ctx context.Context, i int) (err error) {
		*wanted[i].node, _, err = s.peek(ctx, wanted[i].path)
		return err
	})
	return found, err
}

// peek reads a znode that may not be there.
func (s *Store) peek(ctx context.Context, path string) (entryNode, []byte, error) {
	node, err := s.tree.Get(ctx, path)
	switch {
	case err == nil:
		return entryNode{path: path, there: true, stat: node.Stat}, node.Data, nil
	case errors.Is(err, zoo.ErrNoNode):
		return entryNode{path: path}, nil, nil
	default:
		return entryNode{path: path}, nil, err
	}
}

// replace makes the entry an ephemeral one of this session: one that a former
// session left behind would go when that one expires.
func (s *Store) replace(t *zoo.Txn, old entryNode, body []byte) {
	switch {
	case old.there && old.stat.EphemeralOwner == s.tree.ID():
		t.Set(old.path, body, old.stat.Version)
		return
	case old.there:
		t.Delete(old.path, old.stat.Version)
	}
	t.Create(old.path, body, zoo.Ephemeral)
}

// createService makes the skeleton of a service, and of the root where that is
// missing. That somebody else was first is fine.
func (s *Store) createService(ctx context.Context, service string) error {
	var t zoo.Txn
	if err := s.addService(&t, muster.Sheet{Service: service, Features: map[string]muster.Entry{}}); err != nil {
		return err
	}
	_, err := s.tree.Commit(ctx, t)
	if !errors.Is(err, zoo.ErrUnknown) && !conflicts(err) {
		return err
	}
	if err := s.Init(ctx); err != nil { // its parents may be missing
		return err
	}
	return s.tree.Sync(ctx, s.at.sheet(service))
}

// addService adds a service's skeleton, with its first sheet, to a transaction:
// all of it or nothing comes to be.
func (s *Store) addService(t *zoo.Txn, sheet muster.Sheet) error {
	body, err := encode(sheet)
	if err != nil {
		return err
	}
	t.Create(s.at.sheet(sheet.Service), body, zoo.Persistent)
	for _, path := range []string{
		s.at.roster(sheet.Service), s.at.members(sheet.Service), s.at.live(sheet.Service), s.at.knocks(sheet.Service),
	} {
		t.Create(path, nil, zoo.Persistent)
	}
	return nil
}

package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/zoo"
)

// Commit makes one move of a feature: its sheets, its status and its record, or
// nothing at all. It checks the leader's own node (G5) and compares every
// version that the move was decided on (G1).
//
// Errors: [ErrDeposed]; a [*StaleError]; [zoo.ErrUnknown], after which the
// caller reads again and plans anew, which the versions make safe.
func (s *Store) Commit(ctx context.Context, leader string, m plan.Move) error {
	t, err := s.transaction(leader, m)
	if err == nil {
		_, err = s.tree.Commit(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("move %s: %w", m.Feature, s.staleMove(leader, m, err))
	}
	return nil
}

func (s *Store) transaction(leader string, m plan.Move) (zoo.Txn, error) {
	var t zoo.Txn
	t.Check(s.at.agent(leader), -1) // G5: a deposed leader cannot write
	for _, service := range slices.Sorted(maps.Keys(m.Rosters)) {
		version := m.Rosters[service]
		if version < 0 { // would match any
			return t, &StaleError{Path: s.at.roster(service), Roster: true}
		}
		t.Check(s.at.roster(service), version) // G1: no registration slips in between
	}
	for _, key := range slices.Sorted(maps.Keys(m.Prerequisites)) {
		t.Check(s.at.feature(key), m.Prerequisites[key]) // its prerequisites are where they were seen
	}
	for _, service := range slices.Sorted(maps.Keys(m.Sheets)) {
		if err := s.addSheet(&t, service, m.Sheets[service]); err != nil {
			return t, err
		}
	}
	body, err := encode(m.Status)
	if err != nil {
		return t, err
	}
	t.Set(s.at.feature(m.Feature), body, m.Version)
	return t, s.addRecord(&t, m.Record)
}

// addSheet writes a sheet, as the first of its service where there was none.
func (s *Store) addSheet(t *zoo.Txn, service string, sheet muster.Sheet) error {
	sheet.Service = service
	if sheet.Revision < 0 {
		return s.addService(t, sheet)
	}
	body, err := encode(sheet)
	if err != nil {
		return err
	}
	t.Set(s.at.sheet(service), body, sheet.Revision)
	return nil
}

// addRecord adds an audit record to the transaction that it tells of (G8).
func (s *Store) addRecord(t *zoo.Txn, rec muster.Record) error {
	rec.ID = ""
	body, err := encode(rec)
	if err != nil {
		return err
	}
	t.Create(s.at.nextRecord(), body, zoo.PersistentSequential)
	return nil
}

// staleMove tells registrations from other changes.
func (s *Store) staleMove(leader string, m plan.Move, err error) error {
	err = s.stale(leader, err)
	var stale *StaleError
	if errors.As(err, &stale) {
		for service := range m.Rosters {
			stale.Roster = stale.Roster || stale.Path == s.at.roster(service)
		}
	}
	return err
}

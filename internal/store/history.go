package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

const (
	defaultLimit = 100       // records of a query that asks for no number
	page         = 256       // records that are read at a time
	mostDeleted  = 100       // znodes that one transaction deletes
	clockSlack   = time.Hour // by which agents' clocks may differ
)

// A HistoryQuery selects audit records. Zero fields select all.
type HistoryQuery struct {
	Feature, Service string
	Since, Until     time.Time // from Since up to, not including, Until
	Limit            int       // at most so many; 0 for 100
	Before           string    // only records older than the one of this id
}

// History returns the records that the query selects, newest first. One that
// cannot be read is there with its id, and Why says so; it is of no feature and
// no service.
func (s *Store) History(ctx context.Context, q HistoryQuery) ([]muster.Record, error) {
	limit := cmp.Or(max(q.Limit, 0), defaultLimit)
	ids, err := s.records(ctx)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if q.Before != "" {
		before := sequence(q.Before)
		ids = slices.DeleteFunc(ids, func(id string) bool { return sequence(id) >= before })
	}
	var selected []muster.Record
	for len(ids) > 0 && len(selected) < limit {
		batch := ids[max(0, len(ids)-page):]
		ids = ids[:len(ids)-len(batch)]
		records, err := s.readRecords(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		for _, rec := range slices.Backward(records) {
			if q.selects(rec) && len(selected) < limit {
				selected = append(selected, rec)
			}
		}
		if len(records) > 0 && !q.Since.IsZero() && records[0].Time.Before(q.Since.Add(-clockSlack)) && !records[0].Time.IsZero() {
			break // all that is left is older
		}
	}
	return selected, nil
}

func (q HistoryQuery) selects(rec muster.Record) bool {
	switch {
	case q.Feature != "" && rec.Feature != q.Feature, q.Service != "" && !concerns(rec, q.Service):
		return false
	case !q.Since.IsZero() && rec.Time.Before(q.Since), !q.Until.IsZero() && !rec.Time.Before(q.Until):
		return false
	}
	return true
}

// concerns reports whether the record tells of the service, or of a feature's
// move that was judged on it.
func concerns(rec muster.Record, service string) bool {
	_, judged := rec.Evidence[service]
	return rec.Service == service || judged
}

// records returns the ids of all records, oldest first.
func (s *Store) records(ctx context.Context) ([]string, error) {
	ids, _, err := s.tree.Children(ctx, s.at.history())
	if err != nil {
		return nil, err
	}
	return inLine(ids), nil
}

// readRecords reads records in the order of their ids, without those that are
// gone meanwhile.
func (s *Store) readRecords(ctx context.Context, ids []string) ([]muster.Record, error) {
	records := make([]muster.Record, len(ids))
	err := s.each(ctx, len(ids), func(ctx context.Context, i int) error {
		path := s.at.record(ids[i])
		node, err := s.tree.Get(ctx, path)
		if errors.Is(err, zoo.ErrNoNode) {
			return nil
		}
		if err != nil {
			return err
		}
		rec, err := decodeRecord(path, node.Data)
		why, err := problem(err)
		if why != "" {
			rec = muster.Record{Why: why}
		}
		rec.ID = ids[i]
		records[i] = rec
		return err
	})
	return slices.DeleteFunc(records, func(rec muster.Record) bool { return rec.ID == "" }), err
}

// Trim bounds the history to its newest records, and collects the specs that
// are no longer in force nor to come.
func (s *Store) Trim(ctx context.Context, leader string, keep int) error {
	ids, err := s.records(ctx)
	if err != nil {
		return fmt.Errorf("trim the history: %w", err)
	}
	var old []string
	for _, id := range ids[:max(0, len(ids)-keep)] {
		old = append(old, s.at.record(id))
	}
	if err := s.deleteAll(ctx, leader, old); err != nil {
		return fmt.Errorf("trim the history: %w", err)
	}
	keys, err := s.Features(ctx)
	if err != nil {
		return fmt.Errorf("collect specs: %w", err)
	}
	for _, key := range keys {
		if err := s.collect(ctx, leader, key); err != nil {
			return fmt.Errorf("collect specs of %s: %w", key, err)
		}
	}
	return nil
}

// collect deletes the specs of a feature that nothing refers to.
func (s *Store) collect(ctx context.Context, leader, key string) error {
	revisions, _, err := s.tree.Children(ctx, s.at.specs(key))
	if errors.Is(err, zoo.ErrNoNode) {
		return nil
	}
	if err != nil {
		return err
	}
	// The status is read after the revisions: what it does not refer to and is
	// among them is old.
	found, data, err := s.peek(ctx, s.at.feature(key))
	if err != nil || !found.there {
		return err
	}
	status, err := decodeStatus(found.path, key, data)
	if err != nil {
		_, err = problem(err)
		return err // what cannot be read may refer to any
	}
	var old []string
	for _, rev := range revisions {
		path := s.at.specs(key) + "/" + rev
		used := path == s.at.spec(key, status.Spec) || path == s.at.spec(key, status.DesiredSpec)
		if !used || status.Deleted {
			old = append(old, path)
		}
	}
	return s.deleteAll(ctx, leader, old)
}

// deleteAll deletes znodes that never change, some at a time. One that is gone
// already ends it without an error: somebody else is at it.
func (s *Store) deleteAll(ctx context.Context, leader string, paths []string) error {
	for batch := range slices.Chunk(paths, mostDeleted) {
		var t zoo.Txn
		t.Check(s.at.agent(leader), -1) // G5
		for _, path := range batch {
			t.Delete(path, -1)
		}
		_, err := s.tree.Commit(ctx, t)
		var stale *StaleError
		if err = s.stale(leader, err); errors.As(err, &stale) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Records counts the records of the history.
func (s *Store) Records(ctx context.Context) (int, error) {
	ids, err := s.records(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the history: %w", err)
	}
	return len(ids), nil
}

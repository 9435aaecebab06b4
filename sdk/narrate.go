package sdk

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// resume is how often a fenced client looks whether contact is back.
const resume = 250 * time.Millisecond

// A listener is a function given to OnChange.
type listener struct{ f func(Change) }

// OnChange has f told of every feature that stands at another stage in this
// instance than before, whether the sheet says so or the fence. Flags answer by
// the new sheet already when f is called. Changes are told in order, one at a
// time, in a goroutine of the client's; the ack of a sheet waits until f has
// returned, so that f can finish what the old stage began. When several sheets
// come while f runs, it is told of the latest. F must not call [Client.Close].
//
// Once stop has returned, f is not called again; a call may still be running.
func (c *Client) OnChange(f func(Change)) (stop func()) {
	l := &listener{f}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners = append(slices.Clone(c.listeners), l)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.listeners = slices.DeleteFunc(slices.Clone(c.listeners), func(o *listener) bool { return o == l })
	}
}

// narrate tells of what has changed, whenever it is told to look again and
// when the lease ends, until the client is closed.
func (c *Client) narrate() {
	var was view
	for {
		is := c.view()
		for _, n := range changes(was, is, time.Now()) {
			c.tell(n)
		}
		c.heard(is.snap.era)
		if is.closed {
			return
		}
		was = is
		c.awaitNews(is)
	}
}

func (c *Client) awaitNews(is view) {
	timer := time.NewTimer(c.untilFence(is))
	defer timer.Stop()
	select {
	case <-c.news:
	case <-timer.C:
	}
}

// untilFence is when the fence may go down, or up again.
func (c *Client) untilFence(is view) time.Duration {
	switch {
	case !is.member:
		return time.Hour // there is no lease
	case is.fenced:
		return resume
	default:
		return min(max(c.fence.left(), 0)+time.Millisecond, pulse)
	}
}

// heard notes that all listeners know of an era.
func (c *Client) heard(e *era) {
	c.mu.Lock()
	was := c.told
	c.told = e
	c.mu.Unlock()
	if was != e {
		signal(c.wake)
	}
}

// tell calls everyone who wants to know.
func (c *Client) tell(n told) {
	if c.cfg.Events != nil {
		c.cfg.Events(n.Event)
	}
	if n.Kind != EventStage {
		return
	}
	change := Change{Feature: n.Feature, From: n.from, To: n.Stage, Epoch: n.Epoch, Revision: n.Revision, Fenced: n.fenced}
	c.mu.Lock()
	listeners := c.listeners // never changed, only replaced
	c.mu.Unlock()
	for _, l := range listeners {
		l.f(change)
	}
}

// A view is what the narrator sees in one look.
type view struct {
	standing
	snap   *snapshot
	fenced bool // a member without contact
}

func (c *Client) view() view {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := view{standing: c.standing, snap: c.current.Load()}
	v.fenced = v.member && c.fence.down()
	return v
}

// stage is where a feature stands for whoever asks a flag, off before the
// instance has joined unless there was a snapshot, and whether that is the
// fence's doing.
func (v view) stage(key string) (s Stage, byFence bool) {
	if !v.joined && !v.restored {
		return Off, false
	}
	entry, named := v.snap.features[key]
	switch {
	case !named:
		return Off, false
	case v.member && !v.fenced:
		return entry.Stage, false
	default:
		s = fenced(entry)
		return s, s != entry.Stage
	}
}

// A told is an event, and what else a Change tells.
type told struct {
	Event
	from   Stage
	fenced bool
}

// changes returns what has happened between two looks.
func changes(was, is view, now time.Time) []told {
	var news []told
	add := func(kind EventKind, err error) {
		news = append(news, told{Event: Event{Time: now, Kind: kind, Revision: is.snap.revision, Err: err}})
	}
	switch {
	case is.closed:
		add(EventLeft, is.left)
		return news
	case is.leaving:
		return nil
	}
	if is.restored && !was.restored && !is.joined {
		add(EventStale, nil)
	}
	switch {
	case is.refused != nil && (was.refused == nil || was.refused.Error() != is.refused.Error()):
		add(EventRefused, is.refused)
	case is.member && !was.member:
		add(EventJoined, nil)
	}
	switch {
	case is.fenced && !was.fenced:
		add(EventFenced, is.fencedBecause())
	case was.fenced && is.member && !is.fenced:
		add(EventResumed, nil)
	}
	for _, key := range features(was, is) {
		from, _ := was.stage(key)
		to, byFence := is.stage(key)
		if from != to {
			entry := is.snap.features[key]
			add(EventStage, nil)
			n := &news[len(news)-1]
			n.Feature, n.Stage, n.Epoch, n.from, n.fenced = key, to, entry.Epoch, from, byFence
		}
	}
	return news
}

// fencedBecause is what is known of a loss of contact.
func (v view) fencedBecause() error {
	if v.problem != nil {
		return fmt.Errorf("no contact with ZooKeeper within the lease: %w", v.problem)
	}
	return errNoContact
}

// features lists all that either view names, sorted.
func features(was, is view) []string {
	keys := make(map[string]struct{})
	for _, v := range []view{was, is} {
		if v.snap != nil {
			for key := range v.snap.features {
				keys[key] = struct{}{}
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

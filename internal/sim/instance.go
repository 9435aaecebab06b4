package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// An instance is a model of a service's process with the SDK in it.
type instance struct {
	muster.Instance
	w       *world
	actor   *actor
	session *session

	sheet   muster.Sheet // in force
	serving bool         // it was a member once
	member  bool         // as far as it knows: it has joined in this session, which it does not know to have ended
	// heard is when the last answered request of this session was sent, and
	// contact what the lease is reckoned from: it is renewed only as a member.
	heard, contact time.Time
	requests       []*request
	acked          muster.Ack
	leaving        bool
}

// A request in flight is pinned to the sheet that it began on.
type request struct {
	sheet muster.Sheet
	// fenced: it was in flight when the instance was fenced and lost its place,
	// so what it was pinned to must not come into force again.
	fenced bool
	long   bool // it takes its time
}

func (w *world) startInstance(service, version string) {
	w.serial++
	i := &instance{w: w, Instance: muster.Instance{
		Service: service, ID: fmt.Sprintf("%s-%d", service, w.rng.IntN(4)),
		Incarnation: fmt.Sprintf("i%06d", w.serial), Version: version, Started: w.now,
	}}
	w.say("instance %s %s starts, %s", service, i.Entry(), version)
	w.instances = append(w.instances, i)
	w.truth.processes[service+"/"+i.Entry()] = i
	i.actor = w.start(i.Entry(), i.run)
}

// kill ends the process without a word; its requests end with it.
func (i *instance) kill() {
	i.w.say("instance %s is killed", i.Entry())
	i.actor.kill()
	i.gone()
	i.w.abandon(i.session)
}

func (i *instance) gone() {
	i.requests, i.serving, i.member = nil, false, false
	i.w.instances = slices.DeleteFunc(i.w.instances, func(o *instance) bool { return o == i })
}

// run is the life of the process: one session after the other.
func (i *instance) run(a *actor) {
	for {
		i.session = i.w.connect()
		i.heard = time.Time{}
		err := i.life(a)
		if errors.Is(err, errKilled) {
			return
		}
		if errors.Is(err, errLeft) {
			i.w.say("instance %s has left", i.Entry())
			i.gone()
			i.w.expire(i.session)
			return
		}
		i.member = false
		i.w.expire(i.session)
		if a.rest(poll) != nil {
			return
		}
	}
}

var errLeft = errors.New("left")

// life is one session: join, and serve until it ends.
func (i *instance) life(a *actor) error {
	c := &conn{session: i.session, actor: a, answered: i.renew}
	st := store.New(i.w.Variant.forInstance(c), root).WithReaders(1)
	for {
		if err := i.join(a, st); err != nil {
			return err
		}
		if err := i.serve(a, st); !errors.Is(err, store.ErrNotMember) {
			return err
		}
		i.member = false
	}
}

// renew notes an answer: it proves contact as of when its request was sent.
func (i *instance) renew(sent time.Time) {
	i.heard = sent
	if i.member { // a new session's answers prove nothing before it has joined
		i.contact = sent
	}
}

// join becomes a member, however often it takes.
func (i *instance) join(a *actor, st *store.Store) error {
	since := i.w.now
	for {
		sheet, err := st.Join(context.Background(), i.Instance, i.offer)
		var refused *muster.RefusedError
		switch {
		case err == nil:
			i.joined(sheet)
			return nil
		case errors.As(err, &refused):
			i.w.stats.Refusals++
			err = st.Knock(context.Background(), i.Instance, refused.Refusals, since)
		}
		if i.leaving && len(i.requests) == 0 {
			err = errors.Join(err, st.Leave(context.Background(), i.Instance))
			if err == nil {
				return errLeft
			}
		}
		if fatal(err) {
			return err
		}
		if err := a.rest(poll); err != nil {
			return err
		}
	}
}

// fatal reports whether there is no point in trying again in this session.
func fatal(err error) bool {
	return errors.Is(err, errKilled) || errors.Is(err, zoo.ErrSessionEnded)
}

// offer is what is registered: from here on nothing new runs on what was in
// force, and what is in flight is told of. What was in flight when the lease ran
// out stays fenced, because the others may have gone on without this instance.
func (i *instance) offer(sheet muster.Sheet) muster.Ack {
	if i.serving && i.lapsed() {
		i.w.stats.Fences++
		for _, r := range i.requests {
			r.fenced = true
		}
	}
	i.member = false
	i.acked = i.ackOf(sheet)
	return i.acked
}

// joined puts the sheet in force that was registered with.
func (i *instance) joined(sheet muster.Sheet) {
	if i.serving {
		i.w.stats.Returns++
	}
	i.w.stats.Joins++
	i.sheet, i.serving, i.member, i.contact = sheet, true, true, i.heard
	i.w.say("instance %s has joined at %d", i.Entry(), sheet.Revision)
}

// serve follows the sheet and acks until the session ends or the instance has
// left.
func (i *instance) serve(a *actor, st *store.Store) error {
	for {
		sheet, _, err := st.WatchSheet(context.Background(), i.Service)
		if err == nil && sheet.Revision > i.sheet.Revision {
			i.sheet = sheet
		}
		if ack := i.ackOf(i.sheet); err == nil && ack != i.acked {
			if err = st.Ack(context.Background(), i.Instance, ack); err == nil {
				i.acked = ack
			}
		}
		if i.leaving && len(i.requests) == 0 && err == nil {
			if err = st.Leave(context.Background(), i.Instance); err == nil {
				return errLeft
			}
		}
		if fatal(err) || errors.Is(err, store.ErrNotMember) {
			return err
		}
		if err := a.rest(poll); err != nil {
			return err
		}
	}
}

// ackOf says how far the instance has come when this sheet is in force. What
// was fenced does not run on any sheet any more.
func (i *instance) ackOf(sheet muster.Sheet) muster.Ack {
	ack := muster.Ack{Revision: sheet.Revision, Applied: sheet.Revision}
	if i.w.Variant.undrained {
		return ack
	}
	for _, r := range i.requests {
		if !r.fenced && r.sheet.Revision < sheet.Revision {
			ack.Draining++
			ack.Revision = min(ack.Revision, r.sheet.Revision)
		}
	}
	return ack
}

// lapsed reports whether the lease is over.
func (i *instance) lapsed() bool { return i.w.now.After(i.contact.Add(lease)) }

// fenced reports whether new requests run by the policy for the disconnected.
func (i *instance) fenced() bool { return !i.member || i.lapsed() }

func (w *world) beginRequest() {
	const most = 3
	if len(w.instances) == 0 {
		return
	}
	i := pick(w, w.instances)
	if i.serving && !i.leaving && len(i.requests) < most {
		i.requests = append(i.requests, &request{sheet: i.sheet, fenced: i.fenced(), long: w.chance(10)})
	}
}

func (w *world) endRequest() {
	if len(w.instances) == 0 {
		return
	}
	i := pick(w, w.instances)
	if n := len(i.requests); n > 0 {
		if at := w.rng.IntN(n); !i.requests[at].long || w.chance(5) {
			i.requests = slices.Delete(i.requests, at, at+1)
		}
	}
}

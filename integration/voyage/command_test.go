package voyage_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// command has one of the operators give a command, beside whatever the others
// do.
func (w *world) command(key string, action muster.Action) {
	op, patience := pick(w, w.client), time.Duration(1000+w.dice.IntN(9000))*time.Millisecond
	w.started++
	name := fmt.Sprintf("command-%d", w.started)
	spec := w.spec(key)
	w.spawn(func() {
		call := w.say("%s: %s %s", name, action, key)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		f, err := give(ctx, op, key, action, spec, client.RequestID(name))
		w.answered(name, key, action, call, f, err)
	})
}

func give(ctx context.Context, op *client.Client, key string, action muster.Action, spec muster.Spec, id client.Option) (muster.Feature, error) {
	switch action {
	case muster.ActionApply:
		return op.Apply(ctx, spec, id)
	case muster.ActionActivate:
		return op.Activate(ctx, key, id)
	case muster.ActionKill:
		return op.Kill(ctx, key, id)
	default:
		return op.Deactivate(ctx, key, id)
	}
}

// answered notes what a command came to. Where no agent has answered, it may
// have been carried out, or may yet be.
func (w *world) answered(name, key string, action muster.Action, call int64, f muster.Feature, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ret := w.noteLocked("%s is answered: wanted %s, %v", name, f.Status.Desired, err)
	var invalid *muster.InvalidError
	switch {
	case errors.Is(err, muster.ErrNotFound), errors.Is(err, muster.ErrFailedPrecondition):
		return // it changed nothing
	case errors.As(err, &invalid):
		w.failLocked("G5", "%s of %s is refused: %v", action, key, err)
		return
	case err != nil:
		w.count("command unknown")
		ret = never
	default:
		w.count("command done")
		w.linear.read(key, f.Status.Desired, call, ret)
	}
	switch action {
	case muster.ActionActivate:
		w.linear.wished(key, muster.On, call, ret)
	case muster.ActionDeactivate, muster.ActionKill:
		w.linear.wished(key, muster.Off, call, ret)
	}
}

// spec draws what an operator wants of a feature. Who takes part stays.
func (w *world) spec(key string) muster.Spec {
	participants := map[string][]string{"address": {"checkout", "shipping"}, "receipt": {"shipping", "storefront"}}
	s := muster.Spec{
		Feature: key, Participants: make(map[string]muster.Participant),
		OnDisconnect: pick(w, []muster.OnDisconnect{muster.FallToAccept, muster.FallToAccept, muster.Stop, muster.Hold}),
		OldInstance:  pick(w, []muster.OnOldInstance{muster.Refuse, muster.Refuse, muster.RollBack}),
		Vanished:     pick(w, []muster.Vanished{muster.Reap, muster.Reap, muster.Reap, muster.Confirm}),
	}
	if w.variant.onDisconnect != "" {
		s.OnDisconnect = w.variant.onDisconnect
	}
	for _, service := range participants[key] {
		s.Participants[service] = muster.Participant{
			Version: muster.MustConstraint(pick(w, []string{">=2.0.0", ">=2.0.0", ">=2.0.0", ">=2.1.0"})), MinInstances: 1,
		}
	}
	return s
}

// look has the reader read what is wanted and who is there, straight from the
// registry.
func (w *world) look() {
	if !w.reading.CompareAndSwap(false, true) {
		return
	}
	w.spawn(func() {
		defer w.reading.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for _, key := range features {
			call := w.tick()
			node, err := w.registry.Feature(ctx, key)
			if ret := w.tick(); err == nil {
				w.noteRead(func(l *linear) { l.read(key, node.Status.Desired, call, ret) })
			}
		}
		for _, service := range services {
			call := w.tick()
			entries, _, err := w.reader.Children(ctx, root+"/services/"+service+"/members")
			if ret := w.tick(); err == nil {
				w.noteRead(func(l *linear) { l.listed(service, entries, call, ret) })
			}
		}
	})
}

// tick numbers a moment of which nothing is said.
func (w *world) tick() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history.last++
	return w.history.last
}

func (w *world) noteRead(note func(*linear)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count("read")
	note(&w.linear)
}

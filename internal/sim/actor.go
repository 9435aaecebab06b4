package sim

import (
	"errors"
	"iter"
	"time"
)

// An actor runs real code in a coroutine: it goes on when the scheduler says so
// and pauses at every operation on the tree.
type actor struct {
	w    *world
	name string
	next func() (struct{}, bool)
	stop func()

	yield  func(struct{}) bool
	wake   time.Time // it rests until then
	killed bool
	done   bool
}

// errKilled ends all that a killed process was at.
var errKilled = errors.New("killed")

// start makes an actor of run, which returns when it is told [errKilled].
func (w *world) start(name string, run func(*actor)) *actor {
	a := &actor{w: w, name: name, wake: w.now}
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		a.yield = yield
		run(a)
	})
	w.actors = append(w.actors, a)
	return a
}

// kill ends the process at once, wherever it is.
func (a *actor) kill() {
	a.killed = true
	a.stop()
	a.done = true
}

// step lets the actor go on up to its next pause.
func (a *actor) step() {
	if _, more := a.next(); !more {
		a.done = true
	}
}

// pause gives way to the others. No actor, which is who looks on, gives way to
// nobody.
func (a *actor) pause() error {
	if a == nil {
		return nil
	}
	if a.killed || !a.yield(struct{}{}) {
		a.killed = true
		return errKilled
	}
	return nil
}

// rest pauses for at least d.
func (a *actor) rest(d time.Duration) error {
	a.wake = a.w.now.Add(d)
	return a.pause()
}

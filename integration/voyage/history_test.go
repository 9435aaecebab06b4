package voyage_test

import (
	"fmt"
	"strings"
	"time"
)

// A history is what happened, in the one order in which it was noted. World.mu
// guards it.
type history struct {
	began time.Time
	last  int64    // number of the last event; they begin with 1
	lines []string // of the latest, oldest first
	wrong *failure // the first
}

const (
	kept  = 4000 // lines
	shown = 60   // of them, when a promise is broken
)

// A failure is a broken promise.
type failure struct {
	seed    uint64
	promise string // G1 to G8
	detail  string
	at      time.Duration
	last    []string // what happened before
}

func (f *failure) Error() string {
	return fmt.Sprintf("seed %d, after %s: %s: %s\n%s", f.seed, f.at, f.promise, f.detail, strings.Join(f.last, "\n"))
}

// say notes an event and has everybody looked at, and returns its number: so
// what is promised of every moment is checked at each one that is known.
func (w *world) say(format string, args ...any) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sayLocked(format, args...)
}

func (w *world) sayLocked(format string, args ...any) int64 {
	n := w.noteLocked(format, args...)
	w.lookLocked()
	return n
}

// noteLocked notes an event alone.
func (w *world) noteLocked(format string, args ...any) int64 {
	h := &w.history
	h.last++
	if len(h.lines) >= 2*kept {
		h.lines = append(h.lines[:0], h.lines[kept:]...)
	}
	h.lines = append(h.lines, fmt.Sprintf("%10.4f  ", time.Since(h.began).Seconds())+fmt.Sprintf(format, args...))
	return h.last
}

// failLocked notes that a promise is broken; the first counts.
func (w *world) failLocked(promise, format string, args ...any) {
	if w.history.wrong != nil || w.over || w.variant.unjudged {
		return
	}
	w.noteLocked("%s IS BROKEN: %s", promise, fmt.Sprintf(format, args...))
	lines := w.history.lines
	w.history.wrong = &failure{
		seed: w.seed, promise: promise, detail: fmt.Sprintf(format, args...), at: time.Since(w.history.began),
		last: append([]string(nil), lines[max(0, len(lines)-shown):]...),
	}
}

func (w *world) fail(promise, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(promise, format, args...)
}

// failed reports whether a promise is broken.
func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.history.wrong != nil
}

package zkserver

import "sync"

// queue holds what is to be written to one client.
type queue struct {
	limit int // bytes

	mu     sync.Mutex // guards the fields below
	cond   sync.Cond  // any of them changed
	frames []frame
	bytes  int
	held   bool // nothing is handed out: see Faults.Silence
	ending bool // nothing more comes: hand out the rest, then end
	ended  bool
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.cond.L = &q.mu
	return q
}

// push adds a frame. It never blocks; false means that the queue is over its
// limit, because the client does not read.
func (q *queue) push(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended || q.ending {
		return true // nobody is going to read it
	}
	q.frames = append(q.frames, f)
	q.bytes += len(f.data)
	if len(q.frames) == 1 {
		q.cond.Broadcast()
	}
	return q.bytes <= q.limit
}

// take waits for frames and empties the queue into the given slice. Nothing is
// returned when the queue has ended.
func (q *queue) take(into []frame) []frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.ended && (q.held || len(q.frames) == 0 && !q.ending) {
		q.cond.Wait()
	}
	if q.ended || len(q.frames) == 0 {
		return nil
	}
	out := q.frames
	q.frames, q.bytes = into[:0], 0
	q.cond.Broadcast()
	return out
}

// room waits until less than half of the limit is taken, so that a client that
// sends requests and does not read the answers is not read either.
func (q *queue) room() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.ended && !q.held && q.bytes > q.limit/2 {
		q.cond.Wait()
	}
}

// hold stops or resumes handing out.
func (q *queue) hold(v bool) { q.set(func() { q.held = v }) }

// finish lets take return what is there, and then nothing.
func (q *queue) finish() { q.set(func() { q.ending = true }) }

// abort drops what is there and ends take.
func (q *queue) abort() { q.set(func() { q.ended, q.frames = true, nil }) }

func (q *queue) set(change func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change()
	q.cond.Broadcast()
}

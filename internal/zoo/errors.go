package zoo

import (
	"errors"
	"fmt"

	"github.com/go-zookeeper/zk"
)

// What an operation may come to, besides success. All are found by errors.Is;
// some errors are two of them at once, such as ErrSessionEnded and ErrNotSent.
var (
	// ErrNoNode: there is no such node, or its parent is missing.
	ErrNoNode = errors.New("no such node")
	// ErrExists: the node to be created exists already.
	ErrExists = errors.New("node exists already")
	// ErrBadVersion: the node is not at the version that was expected.
	ErrBadVersion = errors.New("node has moved on to another version")
	// ErrNotEmpty: the node to be deleted has children.
	ErrNotEmpty = errors.New("node has children")
	// ErrUnknown: a commit got no answer; it may have been applied, or may
	// still be, in this session. Sync and read decide.
	ErrUnknown = errors.New("outcome unknown")
	// ErrNotSent: surely nothing was changed, nor will be: it never left, or it
	// was a read that got no answer.
	ErrNotSent = errors.New("not sent")
	// ErrSessionEnded: the session is over; dial another.
	ErrSessionEnded = errors.New("session has ended")
	// ErrDenied: the server refused for want of permission, or the credentials.
	ErrDenied = errors.New("permission denied")
	// ErrTooLarge: the request exceeds Config.MaxRequest and was not sent.
	ErrTooLarge = errors.New("request is too large")
)

// ConflictError says that a commit was refused, and which of its operations
// found the tree other than it expected. Nothing was applied.
type ConflictError struct {
	Index int    // of the operation, from 0
	Op    Kind   // what it was to do
	Path  string // to what
	Err   error  // ErrNoNode, ErrExists, ErrBadVersion or ErrNotEmpty
}

// Error names the operation, the path and the reason.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("commit: %s %s: %v (operation %d)", e.Op, e.Path, e.Err, e.Index)
}

// Unwrap gives the reason.
func (e *ConflictError) Unwrap() error { return e.Err }

// reason translates what a server said about one operation; nil if what the
// library returned is not a server's judgement of the request.
func reason(err error) error {
	switch {
	case errors.Is(err, zk.ErrNoNode):
		return ErrNoNode
	case errors.Is(err, zk.ErrNodeExists):
		return ErrExists
	case errors.Is(err, zk.ErrBadVersion):
		return ErrBadVersion
	case errors.Is(err, zk.ErrNotEmpty):
		return ErrNotEmpty
	case errors.Is(err, zk.ErrNoAuth), errors.Is(err, zk.ErrAuthFailed):
		return ErrDenied
	case errors.Is(err, zk.ErrNoChildrenForEphemerals), errors.Is(err, zk.ErrInvalidACL), errors.Is(err, zk.ErrBadArguments):
		return fmt.Errorf("refused: %w", err)
	}
	return nil
}

// answered says whether the library's result came from a server.
func answered(err error) bool { return err == nil || reason(err) != nil }

// explain says what became of a request, by what the library returned.
func (s *Session) explain(r request, err error) error {
	if err == nil {
		return nil
	}
	if why := reason(err); why != nil {
		if at := (*refused)(nil); errors.As(err, &at) {
			return at.conflict()
		}
		return fmt.Errorf("%s: %w", r, why)
	}
	switch {
	case errors.Is(err, zk.ErrNoServer): // it was in the queue, see route.Next
		return s.lost(r, ErrNotSent, err)
	case errors.Is(err, zk.ErrSessionMoved): // refused, for this connection is not the session's any more
		return s.lost(r, ErrNotSent, err)
	case errors.Is(err, zk.ErrSessionExpired):
		s.end(fmt.Errorf("expired: %w", ErrSessionEnded))
	}
	// A closed connection above all: the library does not say whether the
	// request had left, nor whether it had arrived.
	return s.lost(r, ErrUnknown, err)
}

// lost says that a request has no answer. Only a write can be unknown.
func (s *Session) lost(r request, fate, why error) error {
	if !r.write {
		fate = ErrNotSent
	}
	return &lostError{request: r, fate: fate, ended: s.Err(), why: why}
}

// lostError is a request without an answer.
type lostError struct {
	request
	fate, ended, why error // ended is nil while the session lives
}

// Error says what was asked and why there is no answer, and of a write its fate.
func (e *lostError) Error() string {
	text := e.request.String() + ": "
	if e.write {
		text += e.fate.Error() + ": "
	}
	if e.ended != nil {
		text += e.ended.Error() + ": "
	}
	return text + e.why.Error()
}

// Unwrap gives all that the error is.
func (e *lostError) Unwrap() []error {
	if e.ended != nil {
		return []error{e.fate, e.ended, e.why}
	}
	return []error{e.fate, e.why}
}

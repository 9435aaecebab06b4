package agent

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/pace"
)

// A call is what is known about a call while it lasts.
type call struct {
	method    string
	principal principal // who calls, once that is known
}

type callKey struct{}

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return new(call)
}

// A recorder counts calls by what became of them, and logs those that were
// refused, also when that was before a handler saw them, as with a message over
// the limit. It is a [stats.Handler], safe for concurrent use.
type recorder struct {
	log *logrus.Entry

	lines pace.Lines // bound the log: anyone can be refused

	mu    sync.Mutex // guards the fields below
	calls map[outcome]uint64
}

// An outcome is what became of calls of one method.
type outcome struct {
	method string
	code   codes.Code
}

func newRecorder(log *logrus.Entry) *recorder {
	return &recorder{log: log, calls: make(map[outcome]uint64)}
}

// TagRPC begins a call.
func (r *recorder) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, callKey{}, &call{method: info.FullMethodName})
}

// HandleRPC hears of the end of a call.
func (r *recorder) HandleRPC(ctx context.Context, event stats.RPCStats) {
	end, ok := event.(*stats.End)
	if !ok {
		return
	}
	c := callOf(ctx)
	s := status.Convert(end.Error)
	r.ended(refusal{method: c.method, caller: c.principal.name, peer: peerOf(ctx), code: s.Code(), reason: s.Message()})
}

// TagConn does nothing.
func (r *recorder) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (r *recorder) HandleConn(context.Context, stats.ConnStats) {}

// A refusal is a call that came to an end; one that was refused is logged.
type refusal struct {
	method, caller, peer string
	code                 codes.Code
	reason               string
}

// ended counts a call, and logs it where it was refused or went wrong.
func (r *recorder) ended(c refusal) {
	switch c.code {
	case codes.Unauthenticated, codes.PermissionDenied, codes.ResourceExhausted:
		r.refused(c)
		return
	case codes.Internal, codes.Unknown, codes.DataLoss:
		r.tell(c, logrus.ErrorLevel, "call went wrong")
	}
	r.count(c)
}

func (r *recorder) refused(c refusal) {
	r.tell(c, logrus.WarnLevel, "refused a call")
	r.count(c)
}

// tell writes a line, unless there were too many of its kind: the next that is
// written says how many it stands for. All are counted.
func (r *recorder) tell(c refusal, level logrus.Level, message string) {
	withheld, ok := r.lines.Write(c.known()+" "+c.code.String(), time.Now())
	if !ok {
		return
	}
	entry := c.entry(r.log)
	if withheld > 0 {
		entry = entry.WithField("withheld", withheld)
	}
	entry.Log(level, message)
}

func (r *recorder) count(c refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[outcome{c.known(), c.code}]++
}

// known is the method where it is one of ours. Callers choose the name: it must
// not fill the memory.
func (c refusal) known() string {
	switch _, ours := needs[c.method]; {
	case ours, c.method == "handshake", c.method == "http", c.method == "connection":
		return c.method
	default:
		return "unknown"
	}
}

// shown cuts what callers choose to a readable length.
func shown(text string) string { return muster.Harmless(text, 300) }

func (c refusal) entry(log *logrus.Entry) *logrus.Entry {
	return log.WithFields(logrus.Fields{
		"method": shown(c.method), "caller": c.caller, "peer": c.peer, "code": c.code.String(), "reason": shown(c.reason),
	})
}

// counts returns how many calls there were, and the outcomes in order.
func (r *recorder) counts() (map[outcome]uint64, []outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.calls), slices.SortedFunc(maps.Keys(r.calls), func(a, b outcome) int {
		return cmp.Or(cmp.Compare(a.method, b.method), cmp.Compare(a.code, b.code))
	})
}

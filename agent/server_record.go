package agent

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
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
	from := ""
	if p, ok := peer.FromContext(ctx); ok {
		from = p.Addr.String()
	}
	r.ended(refusal{method: c.method, caller: c.principal.name, peer: from, code: s.Code(), reason: s.Message()})
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
		c.entry(r.log).Error("call went wrong")
	}
	r.count(c)
}

func (r *recorder) refused(c refusal) {
	c.entry(r.log).Warn("refused a call")
	r.count(c)
}

func (r *recorder) count(c refusal) {
	method := c.method
	if _, known := needs[method]; !known && method != "handshake" && method != "http" {
		method = "unknown" // callers choose the name: it must not fill the memory
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[outcome{method, c.code}]++
}

func (c refusal) entry(log *logrus.Entry) *logrus.Entry {
	return log.WithFields(logrus.Fields{
		"method": c.method, "caller": c.caller, "peer": c.peer, "code": c.code.String(), "reason": c.reason,
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

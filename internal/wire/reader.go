package wire

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/musterhq/muster"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// A reader reads the fields of a message and keeps the first thing that no word
// exists for.
type reader struct{ err error }

func (r *reader) fail(field, value, problem string) {
	if r.err == nil {
		r.err = &muster.InvalidError{Field: field, Value: value, Problem: problem}
	}
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) stage(field string, v musterv1.Stage) muster.Stage {
	return word(r, field, stages, v)
}

func (r *reader) gate(field string, v musterv1.Gate) muster.Gate {
	return word(r, field, gates, v)
}

// constraint reads a constraint; "" is the zero one.
func (r *reader) constraint(s string) muster.Constraint {
	if s == "" {
		return muster.Constraint{}
	}
	c, err := muster.ParseConstraint(s)
	if err != nil {
		r.keep(err)
	}
	return c
}

// time reads a moment; none is the zero one.
func (r *reader) time(field string, t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	if err := t.CheckValid(); err != nil {
		r.fail(field, "", "is not a moment: "+err.Error())
		return time.Time{}
	}
	return t.AsTime()
}

// moment writes a time; the zero one, and what the wire has no form for, is
// none.
func moment(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	if ts := timestamppb.New(t); ts.IsValid() {
		return ts
	}
	return nil
}

// span reads a duration; none is zero.
func (r *reader) span(field string, d *durationpb.Duration) time.Duration {
	if d == nil {
		return 0
	}
	if err := d.CheckValid(); err != nil {
		r.fail(field, "", "is not a duration: "+err.Error())
		return 0
	}
	return d.AsDuration()
}

// span writes a duration; zero is none.
func span(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

// count writes a number of things.
func count(n int) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

// text makes garbage valid UTF-8, which messages insist on, and takes from it
// what a terminal would obey: nobody who shows a message has to.
func text(s string) string {
	return strings.Map(func(r rune) rune {
		if muster.Misleading(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// pairs are the values of an enum beside our words.
type pairs[W, V comparable] []struct {
	word  W
	value V
}

var stages = pairs[muster.Stage, musterv1.Stage]{
	{muster.Off, musterv1.Stage_STAGE_OFF},
	{muster.Accept, musterv1.Stage_STAGE_ACCEPT},
	{muster.On, musterv1.Stage_STAGE_ON},
}

var gates = pairs[muster.Gate, musterv1.Gate]{
	{muster.GateOpen, musterv1.Gate_GATE_OPEN},
	{muster.GateClosed, musterv1.Gate_GATE_CLOSED},
}

var onDisconnects = pairs[muster.OnDisconnect, musterv1.OnDisconnect]{
	{"", musterv1.OnDisconnect_ON_DISCONNECT_UNSPECIFIED},
	{muster.FallToAccept, musterv1.OnDisconnect_ON_DISCONNECT_ACCEPT},
	{muster.Hold, musterv1.OnDisconnect_ON_DISCONNECT_HOLD},
	{muster.Stop, musterv1.OnDisconnect_ON_DISCONNECT_STOP},
}

var onOldInstances = pairs[muster.OnOldInstance, musterv1.OnOldInstance]{
	{"", musterv1.OnOldInstance_ON_OLD_INSTANCE_UNSPECIFIED},
	{muster.Refuse, musterv1.OnOldInstance_ON_OLD_INSTANCE_REFUSE},
	{muster.RollBack, musterv1.OnOldInstance_ON_OLD_INSTANCE_ROLLBACK},
}

var vanisheds = pairs[muster.Vanished, musterv1.Vanished]{
	{"", musterv1.Vanished_VANISHED_UNSPECIFIED},
	{muster.Reap, musterv1.Vanished_VANISHED_REAP},
	{muster.Confirm, musterv1.Vanished_VANISHED_CONFIRM},
}

// value writes a word; one that is not among the words is left unspecified.
func (p pairs[W, V]) value(w W) (v V) {
	for _, pair := range p {
		if pair.word == w {
			return pair.value
		}
	}
	return v
}

// word reads an enum's value.
func word[W comparable, V interface {
	comparable
	~int32
	String() string
}](r *reader, field string, p pairs[W, V], v V,
) (w W) {
	for _, pair := range p {
		if pair.value == v {
			return pair.word
		}
	}
	if v == 0 {
		r.fail(field, "", "is missing")
	} else {
		r.fail(field, strconv.Itoa(int(v)), "is not known to this version of muster")
	}
	return w
}

package muster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster"
)

func TestConstraintCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		constraint, version, want string
	}{
		{">=2.0.0", "2.0.0", ""},
		{">=2.0.0", "v2.1", ""},
		{">=2.0.0", "1.9.9", "is 1.9.9 and needs >=2.0.0"},
		{">=2.0.0", "", "reports no version"},
		{">=2.0.0", "banana", `reports "banana", which is not a semantic version`},
		{">=2.0.0", "2.1.0-rc.1", "is 2.1.0-rc.1, a pre-release, and needs >=2.0.0"},
		{">=2.1.0-0", "2.1.0-rc.1", ""},
		{">=2.0.0", "2.0.0+build.7", ""},
		{"^1.4 || 5.x", "5.9.1", ""},
	}
	for _, tt := range tests {
		if got := muster.MustConstraint(tt.constraint).Check(tt.version); got != tt.want {
			t.Errorf("%q checks %q: got %q, want %q", tt.constraint, tt.version, got, tt.want)
		}
	}
	if muster.Constraint.Satisfied(muster.Constraint{}, "1.0.0") {
		t.Error("the zero constraint is satisfied")
	}
}

func TestSatisfiable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		constraints []string
		want        bool
	}{
		{[]string{">=2.0.0"}, true},
		{[]string{">=2.0.0", "<2.0.0"}, false},
		{[]string{">=2.0.0, <1"}, false},
		{[]string{">1.2.3", "<1.2.4"}, false},
		{[]string{">1.2.3", "<1.2.5"}, true},
		{[]string{"^1.4", ">=1.9, <2"}, true},
		{[]string{"1.x", "!=1.0.0"}, true},
		{[]string{"1.2.3", "1.2.4"}, false},
		{[]string{"<1.0.0"}, true},
		{[]string{"<0.0.1"}, true},
		{[]string{">=2.0.0-rc.1, <2.0.0"}, true},
	}
	for _, tt := range tests {
		var cs []muster.Constraint
		for _, c := range tt.constraints {
			cs = append(cs, muster.MustConstraint(c))
		}
		if got := muster.Satisfiable(cs...); got != tt.want {
			t.Errorf("satisfiable %q: got %v, want %v", tt.constraints, got, tt.want)
		}
	}
}

func TestConstraintsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "  ", "new", ">=", ">=2..0", strings.Repeat("1", muster.MaxConstraint+1)} {
		var invalid *muster.InvalidError
		if _, err := muster.ParseConstraint(s); !errors.As(err, &invalid) {
			t.Errorf("constraint %q: got %v, want an InvalidError", s, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "structured-address", "checkout.v2", "a_b", "0"} {
		if err := muster.ValidateFeature(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "a/b", "..", ".", "-a", "a-", "A", "é", "a b", "a\x00", strings.Repeat("a", 10<<10)} {
		err := muster.ValidateFeature(bad)
		if err == nil {
			t.Errorf("feature key %.20q is accepted", bad)
		} else if len(err.Error()) > 400 {
			t.Errorf("the error for a long name is %d bytes long", len(err.Error()))
		}
	}
	if err := muster.ValidateInstance("Web-1.eu"); err != nil {
		t.Error(err)
	}
	if err := muster.ValidateInstance("a~b"); err == nil {
		t.Error("an instance id may not hold the separator ~")
	}
}

func TestSpecValidate(t *testing.T) {
	t.Parallel()
	ge2 := muster.Participant{Version: muster.MustConstraint(">=2.0.0")}
	base := func() muster.Spec {
		return muster.Spec{Feature: "f", Participants: map[string]muster.Participant{"a": ge2}}.WithDefaults()
	}
	tests := []struct {
		name   string
		change func(*muster.Spec)
		field  string // of the error; "" for none
	}{
		{"as it is", func(*muster.Spec) {}, ""},
		{"no participants", func(s *muster.Spec) { s.Participants = nil }, "participants"},
		{"a bad service", func(s *muster.Spec) { s.Participants["a/b"] = ge2 }, "participants: service"},
		{"no constraint", func(s *muster.Spec) { s.Participants["a"] = muster.Participant{MinInstances: 1} }, "participants.a.version"},
		{"a contradiction", func(s *muster.Spec) {
			s.Participants["a"] = muster.Participant{Version: muster.MustConstraint(">2, <1"), MinInstances: 1}
		}, "participants.a.version"},
		{"a negative minimum", func(s *muster.Spec) {
			s.Participants["a"] = muster.Participant{Version: ge2.Version, MinInstances: -1}
		}, "participants.a.minInstances"},
		{"prerequisites", func(s *muster.Spec) { s.Prerequisites = []string{"g", "h"} }, ""},
		{"a bad prerequisite", func(s *muster.Spec) { s.Prerequisites = []string{"g", "a/b"} }, "prerequisites"},
		{"a prerequisite twice", func(s *muster.Spec) { s.Prerequisites = []string{"g", "h", "g"} }, "prerequisites"},
		{"itself as a prerequisite", func(s *muster.Spec) { s.Prerequisites = []string{"f"} }, "prerequisites"},
		{"too many prerequisites", func(s *muster.Spec) { s.Prerequisites = make([]string, 21) }, "prerequisites"},
		{"an unknown policy", func(s *muster.Spec) { s.OnDisconnect = "explode" }, "onDisconnect"},
		{"a long description", func(s *muster.Spec) { s.Description = strings.Repeat("x", 3000) }, "description"},
	}
	for _, tt := range tests {
		s := base()
		tt.change(&s)
		err := s.Validate()
		var invalid *muster.InvalidError
		switch {
		case tt.field == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.field != "" && (!errors.As(err, &invalid) || invalid.Field != tt.field):
			t.Errorf("%s: got %v, want an error on %s", tt.name, err, tt.field)
		}
	}
}

func TestTextThatATerminalWouldObeyIsRefused(t *testing.T) {
	t.Parallel()
	good := muster.Instance{Service: "a", ID: "b", Incarnation: "abcdef", Version: "1.0.0", Labels: map[string]string{"zone": "eu"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"\x1b[31mred", "bell\a", "\xff", "a\x00b", "\u0085"} {
		for field, inst := range map[string]muster.Instance{
			"version": {Service: "a", ID: "b", Incarnation: "abcdef", Version: bad},
			"address": {Service: "a", ID: "b", Incarnation: "abcdef", Address: bad},
			"label":   {Service: "a", ID: "b", Incarnation: "abcdef", Labels: map[string]string{"zone": bad}},
		} {
			var invalid *muster.InvalidError
			if err := inst.Validate(); !errors.As(err, &invalid) || invalid.Field != field {
				t.Errorf("%s %q: got %v", field, bad, err)
			}
		}
	}
	if err := muster.ValidateText("reason", "two\nlines\tand a tab", 100); err != nil {
		t.Error(err)
	}
}

func TestSheetRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sheet := muster.Sheet{Service: "checkout", Features: map[string]muster.Entry{}}
		for _, key := range rapid.SliceOfDistinct(rapid.StringMatching(`[a-z]{1,8}`), rapid.ID[string]).Draw(t, "keys") {
			sheet.Features[key] = muster.Entry{
				Stage:        rapid.SampledFrom([]muster.Stage{muster.Off, muster.Accept, muster.On}).Draw(t, "stage"),
				Epoch:        rapid.Int64().Draw(t, "epoch"),
				Since:        rapid.Int32().Draw(t, "since"),
				Constraint:   muster.MustConstraint(rapid.SampledFrom([]string{">=2", "^1.2.3", "*"}).Draw(t, "constraint")),
				Gate:         muster.Gate(rapid.Bool().Draw(t, "gate")),
				OnDisconnect: muster.FallToAccept,
			}
		}
		body, err := json.Marshal(sheet)
		if err != nil {
			t.Fatal(err)
		}
		var back muster.Sheet
		if err := json.Unmarshal(body, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sheet, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestCycle(t *testing.T) {
	t.Parallel()
	needs := map[string][]string{
		"a": {"b", "c"}, "b": {"d"}, "c": {"d", "e"}, "d": nil, "e": {"a"}, // a needs itself by c and e
		"f": {"a"}, "g": {"g"}, "h": {"unknown"},
	}
	for key, want := range map[string]string{"a": "a c e a", "b": "", "d": "", "f": "", "g": "g g", "h": "", "unknown": ""} {
		if got := strings.Join(muster.Cycle(key, func(key string) []string { return needs[key] }), " "); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	var s muster.Status
	for i := range 100 {
		s = s.WithRequest(fmt.Sprint(i))
	}
	if len(s.Requests) > 16 || !s.HasRequest("99") || s.HasRequest("1") || s.HasRequest("") {
		t.Errorf("requests: got %v", s.Requests)
	}
}

func ExampleSheet_Admit() {
	sheet := muster.Sheet{Service: "checkout", Features: map[string]muster.Entry{
		"structured-address": {Stage: muster.On, Gate: muster.GateClosed, Constraint: muster.MustConstraint(">=2.3.0")},
	}}
	fmt.Println(sheet.Admit("2.4.0"))
	err := &muster.RefusedError{Service: "checkout", Instance: "7f3a", Refusals: sheet.Admit("2.2.9")}
	fmt.Println(err)
	// Output:
	// []
	// register checkout/7f3a: refused by structured-address (on): needs >=2.3.0, is 2.2.9 (upgrade it, or: muster deactivate structured-address)
}

func ExampleStage_Toward() {
	fmt.Println(muster.Off.Toward(muster.On), muster.On.Toward(muster.Off), muster.Off.Adjacent(muster.On))
	// Output: accept accept false
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                "plain",
		"a\x1b[2Jb\nc\td\x7f":  "a\ufffd[2Jb\ufffdc\ufffdd\ufffd",
		"\xff":                 "\ufffd",
		"\u202eabc\u2028":      "\ufffdabc\ufffd",
		"0123456789012345678x": "0123456789012345678x",
		"01234567890123456789": "01234567890123456789",
		"0123456789012345678ä": "0123456789012345678…",
	} {
		if got := muster.Harmless(text, 20); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

package muster_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
)

// A constraint is refused with the reason, or says the same after it was
// written and read again, and never that nothing satisfies it while something
// does: such a spec would be refused for no reason.
func FuzzConstraint(f *testing.F) {
	for _, c := range []string{
		">=2.3.0", "^1.4", ">=2, <4 || 5.x", "1.2 - 3.4.5", "~1.2.3-beta.2", "!=1", "*", "x.1", ">=2.0.0-0 <3", "=v1.2", "",
		"|| ||", ">", "1.x.3", ">=99999999999999999999", "1 2 3,4", "2.x - 3", "<0", "<1-0", "0-a", "^0", "~0", "^0.0.0", ">1.x.2",
		strings.Repeat("||", 120), strings.Repeat(">=1,", 60) + "2", strings.Repeat(" ", 255) + "1", "1-" + strings.Repeat("a.", 100) + "a",
	} {
		f.Add(c, "2.3.1")
	}
	f.Add(">=2", "v2-rc.1+build")
	f.Add("1", strings.Repeat("9", 128))
	f.Fuzz(func(t *testing.T, written, version string) {
		c, err := muster.ParseConstraint(written)
		if err != nil {
			refusedWell(t, err)
			return
		}
		text, err := c.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again muster.Constraint
		if err := again.UnmarshalText(text); err != nil || !again.Equal(c) {
			t.Fatalf("%q was read again as %q, %v", c, again, err)
		}
		problem := c.Check(version)
		if problem != again.Check(version) {
			t.Errorf("%q of %q: %q, and %q when it was read again", c, version, problem, again.Check(version))
		}
		if _, err := muster.ParseVersion(version); err != nil {
			refusedWell(t, err)
			if problem == "" {
				t.Errorf("%q satisfies %q and is no version: %v", version, c, err)
			}
		}
		if problem == "" && !muster.Satisfiable(c) {
			t.Errorf("%q satisfies %q, of which it is said that nothing does", version, c)
		}
	})
}

// A spec is refused with the field, or is the same after it was written and read
// again, also to Validate.
func FuzzSpec(f *testing.F) {
	f.Add([]byte(`{"feature":"tax","participants":{"checkout":{"version":">=2.0.0","minInstances":1}},"onDisconnect":"accept","onOldInstance":"refuse","vanished":"reap"}`))
	f.Add([]byte(`{"feature":"a/b","participants":{"":{"version":"banana"}}}`))
	f.Add([]byte(`{"feature":"tax","description":"\u001b[2J\u009b","owner":"\u202e","participants":{"A":{"version":">2,<1","minInstances":-1}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s muster.Spec
		if json.Unmarshal(data, &s) != nil {
			return
		}
		s = s.WithDefaults()
		if err := s.Validate(); err != nil {
			refusedWell(t, err)
			return
		}
		encoded, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again muster.Spec
		if err := json.Unmarshal(encoded, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(again, s); diff != "" {
			t.Error(diff)
		}
		if err := again.Validate(); err != nil {
			t.Errorf("valid, and when it was read again: %v", err)
		}
	})
}

// An instance that Validate accepts shows people one line, and nothing that a
// terminal would obey.
func FuzzInstance(f *testing.F) {
	f.Add([]byte(`{"service":"checkout","id":"c1","incarnation":"abcdef","version":"2.0.0","labels":{"zone":"a"},"sdk":"go/1"}`))
	f.Add([]byte(`{"service":"checkout","id":"c1","incarnation":"abcdef","version":"1\n2","labels":{"\u001b]0;x\u0007":"\u202e"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var i muster.Instance
		if json.Unmarshal(data, &i) != nil {
			return
		}
		if err := i.Validate(); err != nil {
			refusedWell(t, err)
			return
		}
		for _, text := range append([]string{i.Entry(), i.Version, i.Address, i.SDK}, pairs(i.Labels)...) {
			if strings.ContainsAny(text, "\n\r\t\x1b\u009b\u2028\u202e") {
				t.Errorf("%q would be shown to people", text)
			}
		}
		encoded, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		var again muster.Instance
		if err := json.Unmarshal(encoded, &again); err != nil || !again.Equal(i) {
			t.Errorf("got %+v, %v, want %+v", again, err, i)
		}
	})
}

func pairs(m map[string]string) (all []string) {
	for k, v := range m {
		all = append(all, k, v)
	}
	return all
}

// refusedWell checks that an error names a field, and shows what was given
// harmlessly and cut.
func refusedWell(t *testing.T, err error) {
	t.Helper()
	var invalid *muster.InvalidError
	if !errors.As(err, &invalid) || invalid.Field == "" || invalid.Problem == "" {
		t.Fatalf("an error that names no field: %#v", err)
	}
	if text := err.Error(); len(text) > 1000 || strings.ContainsAny(text, "\x1b\n\u009b") {
		t.Errorf("an error nobody wants to read: %q", text)
	}
}

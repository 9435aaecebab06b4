package main

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
)

func TestJSONToYAML(t *testing.T) {
	t.Parallel()
	got, err := jsonToYAML([]byte(`{"b":{"x":[1,2.5,{"k":"v","l":[]},[["deep"],{}]],"on":"on"},"a":null,"list":[{"p":{"q":true},"r":""}],"text":"a\nb\u0000: \"c\"","v":"2.10"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `b:
  x:
    - 1
    - 2.5
    - k: v
      l: []
    - - - deep
      - {}
  "on": "on"
a: null
list:
  - p:
      q: true
    r: ""
text: "a\nb\u0000: \"c\""
v: "2.10"
`
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Error(diff)
	}
}

// YAML says the same as the JSON that it was made from.
func FuzzJSONToYAML(f *testing.F) {
	for _, seed := range []string{`{}`, `[]`, `[[1],[]]`, `"x"`, `{"a":[{"b":[{"c":1}]}]}`, `{"":" - "}`, `["~","on","1e3",".inf","a: b","\u0085","\ufeff"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want any
		if json.Unmarshal(data, &want) != nil {
			return
		}
		clean, err := json.Marshal(want) // without repeated keys
		if err != nil {
			t.Fatal(err)
		}
		converted, err := jsonToYAML(clean)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := yaml.Unmarshal(converted, &got); err != nil {
			t.Skipf("the reader does not understand %q: %v", converted, err)
		}
		if diff := cmp.Diff(shape(got), shape(want)); diff != "" {
			t.Errorf("%s\n%s", diff, converted)
		}
	})
}

// shape replaces numbers, whose types differ between readers.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = shape(e)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = shape(e)
		}
		return l
	case string, bool, nil:
		return v
	default:
		return 1
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s",
		3*time.Hour + 4*time.Minute: "3h04m", 49 * time.Hour: "2d01h",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v): got %s, want %s", d, got, want)
		}
	}
}

// climbing is a feature that is being turned on, with one instance too old.
func climbing() featureStatus {
	return featureStatus{
		Status: muster.Status{Feature: "structured-address", Stage: muster.Off, Desired: muster.On},
		Blockers: []muster.Blocker{
			{Reason: muster.ReasonOldVersion, Service: "checkout", Instance: "c3", Version: "1.9.0", Detail: "is 1.9.0 and needs >=2.0.0"},
		},
		Participants: []participation{
			{Service: "checkout", Members: 3, Live: 3, Ready: 2, MinInstances: 1},
			{Service: "shipping", Members: 1, Live: 1, Ready: 1, MinInstances: 2},
		},
	}
}

func TestPicture(t *testing.T) {
	t.Parallel()
	got := picture(climbing(), &printer{width: 100}, 12*time.Second)
	want := []string{
		"structured-address  off → on  12s",
		"  checkout  █████████████░░░░░░░  2 of 3 ready; waits for c3 is 1.9.0 and needs >=2.0.0",
		"  shipping  ██████████░░░░░░░░░░  1 of 2 ready",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
	for _, line := range picture(climbing(), &printer{width: 50}, time.Second) {
		if n := len([]rune(line)); n >= 50 {
			t.Errorf("line of %d columns on a terminal of 50: %q", n, line)
		}
	}
}

// Off a terminal each state is told once.
func TestProgressSaysEachStateOnce(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := newProgress(&b)
	s := climbing()
	p.show(s)
	p.show(s)
	s.Status.Stage, s.Blockers = muster.Accept, nil
	p.show(s)
	want := `structured-address: off, wanted on; waits for checkout/c3: is 1.9.0 and needs >=2.0.0
structured-address: accept, wanted on
`
	if diff := cmp.Diff(b.String(), want); diff != "" {
		t.Error(diff)
	}
}

// On a terminal the picture is drawn anew in its place, also while nothing
// happens but time, and the clock ends with it.
func TestProgressRedraws(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := startProgress(&b, 80)
		p.show(climbing())
		time.Sleep(2500 * time.Millisecond)
		p.close()
		if got, want := strings.Count(b.String(), "\x1b[3A\x1b[J"), 2; got != want {
			t.Errorf("drawn anew %d times, want %d:\n%q", got, want, b.String())
		}
		if !strings.Contains(b.String(), "off → on  2s\n") {
			t.Errorf("the clock does not run:\n%q", b.String())
		}
	})
}

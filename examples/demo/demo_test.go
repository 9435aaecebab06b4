package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestDemo runs what make demo runs.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), dir); err != nil {
		t.Error(err)
		logs, _ := os.ReadDir(dir)
		for _, f := range logs {
			if strings.HasSuffix(f.Name(), ".log") {
				text, _ := os.ReadFile(dir + "/" + f.Name())
				t.Logf("%s:\n%s", f.Name(), text)
			}
		}
	}
}

func TestVerdict(t *testing.T) {
	good := tally{Requests: 10, OK: 10, NewForm: 5}
	bad := tally{Requests: 10, OK: 8, Mixed: 2}
	tests := []struct {
		name         string
		muster, flag tally
		want         string // in the error; "" for none
	}{
		{"as it should be", good, bad, ""},
		{"a mixed-version error with muster", bad, bad, "want 0"},
		{"the new form was never used", tally{Requests: 10, OK: 10}, bad, "never used"},
		{"no error with the plain flag either", good, good, "proves nothing"},
	}
	for _, tt := range tests {
		err := verdict(newScreen(os.Stdout), tt.muster, tt.flag)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestTheTrafficCheckerJudges(t *testing.T) {
	tests := []struct {
		name   string
		status int
		text   string
		want   tally
	}{
		{"the old form throughout", http.StatusOK, `{"hops":[{"service":"storefront"},{"service":"checkout","version":"1.0.0"}]}`, tally{Requests: 1, OK: 1, OldForm: 1}},
		{"the new form", http.StatusOK, `{"hops":[{"service":"checkout","version":"2.0.0","structured":true}]}`, tally{Requests: 1, OK: 1, NewForm: 1}},
		{"refused by who does not understand", http.StatusUnprocessableEntity, "no", tally{Requests: 1, Mixed: 1, FirstMixed: "no"}},
		{
			"a new form that an old version did not notice", http.StatusOK, `{"hops":[{"service":"checkout","version":"1.0.0","structured":true}]}`,
			tally{Requests: 1, Mixed: 1, FirstMixed: `{"hops":[{"service":"checkout","version":"1.0.0","structured":true}]}`},
		},
		{"nobody there", http.StatusServiceUnavailable, "", tally{Requests: 1, Unavailable: 1}},
		{"an answer that is none", http.StatusOK, "<html>", tally{Requests: 1, Unavailable: 1}},
	}
	for _, tt := range tests {
		traffic, err := newTraffic(nil)
		if err != nil {
			t.Fatal(err)
		}
		traffic.count(tt.status, []byte(tt.text))
		if got := traffic.now(); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadConfig(t *testing.T) {
	t.Parallel()
	known := settings((&program{}).app())
	for name, test := range map[string]struct{ text, want, problem string }{
		"empty":    {text: "# nothing\n", want: ""},
		"values":   {text: "agent: a:1\noutput: 'json'\n", want: "agent=a:1 output=json"},
		"list":     {text: "agent: [a:1, b:2]\nzk:\n  - c:3\n  - d:4\n", want: "agent=a:1,b:2 zk=c:3,d:4"},
		"JSON":     {text: `{"agent": "a:1"}`, want: "agent=a:1"},
		"unknown":  {text: "agent: a:1\nagnet: b\n", problem: `$:2:1: setting "agnet" is not known: did you mean agent?`},
		"mapping":  {text: "agent: {a: b}\n", problem: "$:1:1: agent is neither a value nor a list of values"},
		"text":     {text: "agent\n", problem: "$: configuration is not a mapping of keys to values"},
		"not YAML": {text: "agent: [\n", problem: "read configuration $: [1:8] sequence end token ']' not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			values, err := readConfig(path, true, known)
			var got []string
			for _, k := range known {
				if v, ok := values[k]; ok {
					got = append(got, k+"="+v.text)
				}
			}
			if diff := cmp.Diff(strings.Join(got, " "), test.want); diff != "" {
				t.Error(diff)
			}
			if test.problem == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), path, "$"), test.problem) || exitCode(err) != exitUsage {
				t.Errorf("got %v, want %s…", err, test.problem)
			}
		})
	}
}

func TestReadConfigMayBeAbsentUnlessNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.yaml")
	if values, err := readConfig(path, false, nil); values != nil || err != nil {
		t.Errorf("got %v, %v, want nothing", values, err)
	}
	if _, err := readConfig(path, true, nil); exitCode(err) != exitUsage {
		t.Errorf("got %v, want a usage error", err)
	}
}

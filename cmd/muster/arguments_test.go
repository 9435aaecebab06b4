package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArrange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ line, want, child string }{
		{line: "", want: ""},
		{line: "status KEY", want: "status -- KEY"},
		{line: "status KEY --watch", want: "status --watch -- KEY"},
		{line: "status KEY --agent a:1 -o json", want: "--agent a:1 -o json status -- KEY"},
		{line: "-o=json status --watch KEY", want: "-o=json status --watch -- KEY"},
		{line: "activate KEY --timeout 5m --wait --why because", want: "activate --timeout 5m --wait --why because -- KEY"},
		{line: "feature show KEY --output yaml", want: "--output yaml feature show -- KEY"},
		{line: "feature -o yaml show KEY", want: "-o yaml feature show -- KEY"},
		{line: "apply -f -", want: "apply -f - --"},
		{line: "apply -f - -f a.yaml", want: "apply -f - -f a.yaml --"},
		{line: "status -- --odd", want: "status -- --odd", child: "--odd"},
		{line: "join --service s -- cmd --version -o x -- y", want: "join --service s -- cmd --version -o x -- y", child: "cmd --version -o x -- y"},
		{line: "join --service s extra -- cmd", want: "join --service s -- extra cmd", child: "cmd"},
		{line: "help feature show", want: "feature show --help"},
		{line: "feature --help", want: "feature --help"},
		{line: "status --help KEY", want: "status --help"},
		{line: "--version", want: "version --"},
	} {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			line, err := arrange((&program{}).app(), strings.Fields(test.line))
			if err != nil {
				t.Fatal(err)
			}
			got := []string{strings.Join(line.args, " "), strings.Join(line.child, " ")}
			if diff := cmp.Diff(got, []string{test.want, test.child}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestArrangeReportsMistakes(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"activat KEY":        `unknown command "activat"; did you mean activate? (see: muster --help)`,
		"feature lst":        `unknown command "lst"; did you mean list? (see: muster feature --help)`,
		"status KEY --wach":  `unknown flag --wach; did you mean --watch? (see: muster status --help)`,
		"status KEY --agnet": `unknown flag --agnet; did you mean --agent? (see: muster status --help)`,
		"status KEY -o":      `flag -o needs a value (see: muster status --help)`,
	} {
		_, err := arrange((&program{}).app(), strings.Fields(line))
		if err == nil || exitCode(err) != exitUsage {
			t.Fatalf("%s: got %v, want a usage error", line, err)
		}
		if diff := cmp.Diff(err.Error(), want); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

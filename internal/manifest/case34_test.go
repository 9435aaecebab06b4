package manifest_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/manifest"
)

// laughs is the billion laughs: nine anchors, each ten of the one before.
func laughs() string {
	b := strings.Builder{}
	b.WriteString("a: &a [lol]\n")
	for c := 'b'; c <= 'j'; c++ {
		fmt.Fprintf(&b, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	return b.String()
}

// Case 34: whatever an operator's file holds, the answer is one error for each
// fault, with file, line and column, at once; and no spec, so nothing can change.
func TestCase34BadManifests(t *testing.T) {
	t.Parallel()
	const good = "feature: tax\nparticipants:\n  shop: \">=2.0.0\"\n"
	long := strings.Repeat("x", 10<<10)
	constraint := func(c string) string { return "feature: tax\nparticipants:\n  shop: '" + c + "'\n" }
	for name, tc := range map[string]struct{ text, at, says string }{
		"malformed":                {"feature: [\n", "", ""},
		"cut short":                {"feature: tax\nparticipants: {shop: \">=2", "", ""},
		"an unknown field":         {good + "rollout: 5\n", "4:1", `field "rollout" is not known`},
		"a misspelt field":         {"feture: tax\n", "1:1", "did you mean feature?"},
		"an unknown inner field":   {"feature: tax\nparticipants:\n  shop: {version: '1', min: 2}\n", "3:24", "is not known"},
		"a field twice":            {good + "feature: other\n", "4:1", "occurs twice"},
		"a bad constraint":         {constraint("banana"), "3:9", "is not a version constraint"},
		"one that contradicts":     {constraint(">2, <1"), "3:9", "no version satisfies it"},
		"one of 300 bytes":         {constraint(">=1" + strings.Repeat(" ", 297)), "3:9", "longer than 256 bytes"},
		"one of many bars":         {constraint(strings.Repeat("|", 250)), "3:9", "is not a version constraint"},
		"one of many dots":         {constraint(strings.Repeat("1.", 120)), "3:9", "is not a version constraint"},
		"one of many spaces":       {constraint("1" + strings.Repeat(" ", 250) + "x!"), "3:9", "is not a version constraint"},
		"one of huge numbers":      {constraint(">" + strings.Repeat("9", 200)), "3:9", ""},
		"a name with a slash":      {"feature: a/b\nparticipants: {shop: '1'}\n", "1:10", "may hold lower-case letters"},
		"a name that climbs":       {"feature: ..\nparticipants: {shop: '1'}\n", "1:10", "may hold lower-case letters"},
		"a name of 10 kB":          {"feature: " + long + "\nparticipants: {shop: '1'}\n", "1:10", "longer than 100 bytes"},
		"a service with a slash":   {"feature: tax\nparticipants: {a/b: '1'}\n", "2:16", "may hold lower-case letters"},
		"a service of 10 kB":       {"feature: tax\nparticipants: {\"" + long + "\": '1'}\n", "2:16", "longer than 100 bytes"},
		"a spec of 2 MB":           {"feature: tax\nowner: " + strings.Repeat("x", 2<<20) + "\n", "", "larger than 1 MiB"},
		"a document of 300 kB":     {good + "---\nfeature: b\nowner: " + strings.Repeat("x", 300<<10) + "\n", "4:1", "larger than 256 KiB"},
		"deep in brackets":         {"feature: " + strings.Repeat("[", 100_000), "", "nested too deep"},
		"deep in lists":            {strings.Repeat("- ", 100_000), "", "nested too deep"},
		"the billion laughs":       {laughs(), "1:4", "anchor, alias or merge key"},
		"a merge key":              {good + "<<: {owner: b}\n", "4:1", "anchor, alias or merge key"},
		"a tag":                    {"feature: !!binary dGF4\n", "1:10", "uses a tag"},
		"an escape for a terminal": {"feature: tax\nowner: \"\\e[2J\"\n", "2:8", "control character"},
		"a raw escape":             {"feature: tax\nowner: \x1b[2J\n", "2:8", "control character"},
		"no text at all":           {"\x00\xff\xfe", "1:1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			specs, err := manifest.Parse("f.yaml", []byte(tc.text))
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			var invalid *muster.InvalidError
			if specs != nil || !errors.As(err, &invalid) {
				t.Fatalf("got %v, %v", specs, err)
			}
			text := err.Error()
			place := regexp.MustCompile(`^f\.yaml:\d+:\d+: `)
			if tc.says != "larger than 1 MiB" && !place.MatchString(text) || tc.at != "" && !strings.HasPrefix(text, "f.yaml:"+tc.at+": ") {
				t.Errorf("got %.200q, want it at %s", text, tc.at)
			}
			if !strings.Contains(text, tc.says) || len(text) > 2000 || strings.Contains(text, "\x1b") {
				t.Errorf("got %.300q (%d bytes), want %q", text, len(text), tc.says)
			}
		})
	}
}

package manifest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/manifest"
)

// address is the manifest of the documentation.
const address = `feature: structured-address
description: street, city, postal code and country instead of one line
owner: team-checkout
participants:
  checkout: ">=2.0.0"
  shipping: {version: ">=2.0.0", minInstances: 2}
onDisconnect: accept        # accept | hold | stop
onOldInstance: refuse       # refuse | rollback
vanished: reap              # reap | confirm
`

func addressSpec() muster.Spec {
	return muster.Spec{
		Feature:     "structured-address",
		Description: "street, city, postal code and country instead of one line",
		Owner:       "team-checkout",
		Participants: map[string]muster.Participant{
			"checkout": {Version: muster.MustConstraint(">=2.0.0"), MinInstances: 1},
			"shipping": {Version: muster.MustConstraint(">=2.0.0"), MinInstances: 2},
		},
		OnDisconnect: muster.FallToAccept, OldInstance: muster.Refuse, Vanished: muster.Reap,
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	short := muster.Spec{Feature: "a", Participants: map[string]muster.Participant{"s": {Version: muster.MustConstraint("^1")}}}.WithDefaults()
	other := short
	other.Feature = "b"
	needing := short
	needing.Prerequisites = []string{"b", "c"}
	for name, test := range map[string]struct {
		text string
		want []muster.Spec
	}{
		"full":            {address, []muster.Spec{addressSpec()}},
		"CRLF":            {strings.ReplaceAll(address, "\n", "\r\n"), []muster.Spec{addressSpec()}},
		"BOM":             {"\uFEFF" + address, []muster.Spec{addressSpec()}},
		"defaults":        {"feature: a\nparticipants: {s: ^1}\n", []muster.Spec{short}},
		"no last newline": {"feature: a\nparticipants: {s: ^1}", []muster.Spec{short}},
		"JSON":            {`{"feature": "a", "participants": {"s": {"version": "^1", "minInstances": 1}}}`, []muster.Spec{short}},
		"JSON, compact":   {`{"feature":"a","participants":{"s":{"version":"^1"}}}`, []muster.Spec{short}},
		"two":             {"feature: a\nparticipants: {s: ^1}\n---\nfeature: b\nparticipants:\n  s: '^1'\n", []muster.Spec{short, other}},
		"empty between":   {"---\n# a comment\n---\nfeature: a\nparticipants: {s: ^1}\n---\n---\nfeature: b\nparticipants:\n  s: ^1\n...\n", []muster.Spec{short, other}},
		"prerequisites":   {"feature: a\nparticipants: {s: ^1}\nprerequisites: [c, b]\n", []muster.Spec{needing}},
		"in a block":      {"feature: a\nparticipants: {s: ^1}\nprerequisites:\n  - c\n  - b\n", []muster.Spec{needing}},
		"none":            {"feature: a\nparticipants: {s: ^1}\nprerequisites: []\n", []muster.Spec{short}},
		"needed first":    {"feature: a\nparticipants: {s: ^1}\nprerequisites: [c, b]\n---\nfeature: b\nparticipants: {s: ^1}\n", []muster.Spec{other, needing}},
		"on marker line":  {"--- {feature: a, participants: {s: ^1}}\n", []muster.Spec{short}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := manifest.Parse("f.yaml", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseReportsPlaceAndProblem(t *testing.T) {
	t.Parallel()
	const participants = "participants: {s: ^1}\n"
	for name, test := range map[string]struct{ text, want string }{
		"empty":             {"", "f.yaml: manifest is empty: it holds no feature"},
		"only comments":     {"# nothing\n---\n", "f.yaml: manifest is empty: it holds no feature"},
		"null":              {"~\n", "f.yaml:1:1: document is empty, not a mapping of keys to values"},
		"text":              {"hello\n", "f.yaml:1:1: document is text, not a mapping of keys to values"},
		"list":              {"- feature: a\n", "f.yaml:1:1: document is a list, not a mapping of keys to values"},
		"no feature":        {participants, "f.yaml:1:1: feature is empty"},
		"no participants":   {"feature: a\n", `f.yaml:1:1: participants is empty: name at least one service, such as checkout: ">=2.0.0"`},
		"unknown field":     {"feature: a\nparticpants: {s: ^1}\n", `f.yaml:2:1: field "particpants" is not known: did you mean participants?`},
		"case":              {"feature: a\nondisconnect: hold\n" + participants, `f.yaml:2:1: field "ondisconnect" is not known: did you mean onDisconnect?`},
		"far field":         {"feature: a\nrollout: 5\n" + participants, `f.yaml:2:1: field "rollout" is not known: there are feature, description, owner, participants, prerequisites, onDisconnect, onOldInstance, vanished`},
		"unknown inside":    {"feature: a\nparticipants:\n  s: {version: ^1, minInstance: 2}\n", `f.yaml:3:20: participants.s: field "minInstance" is not known: did you mean minInstances?`},
		"duplicate":         {"feature: a\n" + participants + "feature: b\n", `f.yaml:3:1: key "feature" occurs twice: here and at f.yaml:1:1`},
		"duplicate service": {"feature: a\nparticipants:\n  s: ^1\n  s: ^2\n", `f.yaml:4:3: participants: key "s" occurs twice: here and at f.yaml:3:3`},
		"bad name":          {"feature: a/b\n" + participants, `f.yaml:1:10: feature "a/b" may hold lower-case letters, digits and . _ - between them`},
		"long name":         {"feature: " + strings.Repeat("a", 10<<10) + "\n" + participants, `f.yaml:1:10: feature "` + strings.Repeat("a", 60) + `"… is longer than 100 bytes`},
		"bad service":       {"feature: a\nparticipants: {a/b: ^1}\n", `f.yaml:2:16: participants: service "a/b" may hold lower-case letters, digits and . _ - between them`},
		"bad constraint":    {"feature: a\nparticipants: {s: newest}\n", `f.yaml:2:19: participants.s "newest" is not a version constraint such as ">=2.3.0"`},
		"bad in mapping":    {"feature: a\nparticipants:\n  s:\n    version: '>>2'\n", `f.yaml:4:14: participants.s.version ">>2" is not a version constraint such as ">=2.3.0"`},
		"no constraint":     {"feature: a\nparticipants:\n  s:\n    minInstances: 2\n", `f.yaml:4:5: participants.s.version is missing: write a constraint such as ">=2.0.0"`},
		"contradiction":     {"feature: a\nparticipants: {s: '>3, <2'}\n", `f.yaml:2:19: participants.s.version ">3, <2" contradicts itself: no version satisfies it`},
		"number":            {"feature: a\nparticipants: {s: 2.10}\n", `f.yaml:2:19: participants.s "2.10" is a number, not text: put it in quotes`},
		"boolean":           {"feature: true\n" + participants, `f.yaml:1:10: feature "true" is a boolean, not text: put it in quotes`},
		"no value":          {"feature: a\nowner:\n" + participants, "f.yaml:2:7: owner has no value: write one, or remove the line"},
		"list for text":     {"feature: a\nowner: [b]\n" + participants, "f.yaml:2:8: owner is a list, not text"},
		"zero":              {"feature: a\nparticipants: {s: {version: ^1, minInstances: 0}}\n", `f.yaml:2:47: participants.s.minInstances "0" is not a whole number between 1 and 1000000`},
		"huge":              {"feature: a\nparticipants: {s: {version: ^1, minInstances: 99999999999999999999}}\n", `f.yaml:2:47: participants.s.minInstances "99999999999999999999" is not a whole number between 1 and 1000000`},
		"quoted number":     {"feature: a\nparticipants: {s: {version: ^1, minInstances: '2'}}\n", `f.yaml:2:47: participants.s.minInstances "2" is text, not a number: remove the quotes`},
		"policy":            {"feature: a\nvanished: ignore\n" + participants, `f.yaml:2:11: vanished "ignore" is not one of reap, confirm`},
		"unquoted >=":       {"feature: a\nparticipants:\n  s: >=2.0.0\n", `f.yaml:3:6: document is not YAML: invalid header option: "=2.0.0" (a value that begins with > or | needs quotes, as in ">=2.0.0")`},
		"tab":               {"feature: a\nparticipants:\n\ts: ^1\n", "f.yaml:3:1: document is not YAML: a tab where YAML allows only spaces"},
		"NUL":               {"feature: a\nowner: b\x00\n", "f.yaml:2:9: manifest holds the control character U+0000"},
		"escaped NUL":       {"feature: a\nowner: \"b\\0\"\n" + participants, `f.yaml:2:8: owner "b\x00" holds a control character`},
		"not UTF-8":         {"feature: a\nowner: \xff\n", "f.yaml:2:8: manifest is not UTF-8: it holds the byte 0xFF"},
		"UTF-16":            {"\xff\xfef\x00", "f.yaml:1:1: manifest is not UTF-8: it holds the byte 0xFF"},
		"alias":             {"feature: &a b\nowner: *a\n" + participants, "f.yaml:1:10: document uses an anchor, alias or merge key, which manifests may not (a value that begins with & or * needs quotes)"},
		"merge":             {"feature: a\n<<: {owner: b}\n", "f.yaml:2:1: document uses an anchor, alias or merge key, which manifests may not (a value that begins with & or * needs quotes)"},
		"tag":               {"feature: !!str 5\n", "f.yaml:1:10: document uses a tag, which manifests may not (a value that begins with ! needs quotes)"},
		"directive":         {"%YAML 1.2\n---\nfeature: a\n" + participants, "f.yaml:1:1: document uses a directive, which manifests may not: remove the line"},
		"complex key":       {"? feature\n: a\n", "f.yaml:1:1: document uses a complex key (?), which manifests may not"},
		"key not text":      {"1: a\n", "f.yaml:1:1: key \"1\" is a number: put it in quotes"},
		"unclosed":          {"feature: a\nparticipants: {s: ^1\n", "f.yaml:2:15: document is not YAML: could not find flow mapping end token '}'"},
		"needs text":        {"feature: a\nprerequisites: b\n" + participants, "f.yaml:2:16: prerequisites is text, not a list of features: write [tax]"},
		"needs a bad name":  {"feature: a\nprerequisites: [b, a/b]\n" + participants, `f.yaml:2:20: prerequisites "a/b" may hold lower-case letters, digits and . _ - between them`},
		"needs a number":    {"feature: a\nprerequisites: [1]\n" + participants, `f.yaml:2:17: prerequisites "1" is a number, not text: put it in quotes`},
		"needs itself":      {"feature: a\nprerequisites: [a]\n" + participants, `f.yaml:2:16: prerequisites "a" is the feature itself`},
		"needs one twice":   {"feature: a\nprerequisites: [b, c, b]\n" + participants, `f.yaml:2:16: prerequisites "b" occurs twice`},
		"needs too many":    {"feature: a\nprerequisites: [" + strings.Repeat("b, ", 21) + "]\n" + participants, `f.yaml:2:16: prerequisites names 21 features, more than 20`},
		"a cycle":           {"feature: a\nprerequisites: [b]\n" + participants + "---\nfeature: b\nprerequisites: [c, a]\n" + participants, `f.yaml:2:16: prerequisites form a cycle: a -> b -> a`},
		"second document":   {"feature: a\n" + participants + "---\n\nfeature: b\nparticipants: {s: x y}\n", `f.yaml:6:19: participants.s "x y" is not a version constraint such as ">=2.3.0"`},
		"same feature":      {"feature: a\n" + participants + "---\nfeature: a\n" + participants, `f.yaml:4:1: feature "a" is defined twice: here and at f.yaml:1:1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs, err := manifest.Parse("f.yaml", []byte(test.text))
			if specs != nil {
				t.Errorf("specs beside the error: %v", specs)
			}
			if invalid := (*muster.InvalidError)(nil); !errors.As(err, &invalid) || invalid.Source == "" {
				t.Fatalf("got %#v, want an InvalidError with its source", err)
			}
			if diff := cmp.Diff(err.Error(), test.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// All documents are judged, also behind one that is no YAML.
func TestParseReportsAll(t *testing.T) {
	t.Parallel()
	_, err := manifest.Parse("f.yaml", []byte("feature: A\nowners: x\nparticipants: {s: 1}\n---\nfeature: [\n---\nvanished: [no]\n"))
	want := `f.yaml:2:1: field "owners" is not known: did you mean owner?
f.yaml:3:19: participants.s "1" is a number, not text: put it in quotes
f.yaml:5:10: document is not YAML: sequence end token ']' not found
f.yaml:7:11: vanished is a list, not text`
	if diff := cmp.Diff(err.Error(), want); diff != "" {
		t.Error(diff)
	}
}

// A file full of errors does not flood the terminal.
func TestParseReportsAtMost(t *testing.T) {
	t.Parallel()
	_, err := manifest.Parse("f.yaml", []byte(strings.Repeat("no\n---\n", 1000)))
	lines := strings.Split(err.Error(), "\n")
	if got, want := lines[len(lines)-1], "and 950 more problems"; len(lines) != 51 || got != want {
		t.Errorf("got %d lines, the last %q, want 51 and %q", len(lines), got, want)
	}
}

// Hostile input is refused at once.
func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	for _, part := range []string{
		"- ", "[", "{a: ", "{", "? ", "a: ", "!a ", "&a ", "\"", "a: [", "'", "*", ": ", ",", "]", "x: y,", "[[]", "{a: b: ",
		"a: |\n", "---\n", "a\n", "%a\n", "- \n", "|", "&a [*a,*a]\n", "a: 1\n", "a: b: c: \n", "#\n", " \n", "\r", "[a: ",
	} {
		for _, size := range []int{200 << 10, 3 << 20} {
			begin := time.Now()
			if _, err := manifest.Parse("f.yaml", []byte(strings.Repeat(part, size/len(part)))); err == nil {
				t.Errorf("%q repeated %d times: no error", part, size/len(part))
			}
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("%q repeated %d times: took %v", part, size/len(part), d)
			}
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	feature := func(key string) string { return "feature: " + key + "\nparticipants: {s: ^1}\n" }
	write("good/b.yml", feature("b"))
	write("good/a.yaml", feature("a"))
	write("good/c.json", `{"feature":"c","participants":{"s":"^1"}}`)
	write("good/README.md", "not a manifest")
	write("good/deeper/d.yaml", feature("d"))
	twice := write("twice.yaml", feature("a"))
	bad := write("bad.yaml", "featur: a\n")
	big := write("big.yaml", strings.Repeat("#", 2<<20))
	document := write("document.yaml", "feature: a\nowner: "+strings.Repeat("x", 300<<10)+"\n")
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(dir, "good")
	for name, test := range map[string]struct {
		paths    []string
		features string
		problem  string
	}{
		"directory":     {paths: []string{good}, features: "a b c"},
		"file":          {paths: []string{good + "/b.yml"}, features: "b"},
		"stdin":         {paths: []string{"-", good}, features: "in a b c"},
		"missing":       {paths: []string{dir + "/none.yaml"}, problem: "read manifest $/none.yaml: no such file or directory"},
		"empty":         {paths: []string{empty}, problem: "read manifests in $/empty: the directory holds no file *.yaml, *.yml or *.json"},
		"large":         {paths: []string{big}, problem: "$/big.yaml: manifest is larger than 1 MiB: split it"},
		"large spec":    {paths: []string{document}, problem: "$/document.yaml:1:1: document is larger than 256 KiB"},
		"across files":  {paths: []string{good, twice}, problem: `$/twice.yaml:1:1: feature "a" is defined twice: here and at $/good/a.yaml:1:1`},
		"all are named": {paths: []string{bad, dir + "/none.yaml"}, problem: "$/bad.yaml:1:1: field \"featur\" is not known: did you mean feature?\nread manifest $/none.yaml: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs, err := manifest.Read(strings.NewReader(feature("in")), test.paths...)
			problem := ""
			if err != nil {
				problem = strings.ReplaceAll(err.Error(), dir, "$")
			}
			var keys []string
			for _, s := range specs {
				keys = append(keys, s.Feature)
			}
			if diff := cmp.Diff([]string{strings.Join(keys, " "), problem}, []string{test.features, test.problem}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMarshal(t *testing.T) {
	t.Parallel()
	spec := addressSpec()
	spec.Revision = 7
	got := manifest.Marshal(spec)
	want := `feature: structured-address
description: street, city, postal code and country instead of one line
owner: team-checkout
participants:
  checkout: ">=2.0.0"
  shipping: {version: ">=2.0.0", minInstances: 2}
onDisconnect: accept
onOldInstance: refuse
vanished: reap
`
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Error(diff)
	}
}

// What is written is read back the same, whatever texts it holds.
func TestMarshalRoundTrip(t *testing.T) {
	t.Parallel()
	var specs []muster.Spec
	for i, text := range []string{
		"plain", "2.10", "true", "~", "null", "- a", "a: b", "a #b", "# c", "'", `"`, `\`, "\\n", " lead", "trail ", "two\nlines", "\nlead", "trail\n", "\n",
		"tab\there", "\ttab", "é ü 漢 \U0001F600", "---", "...", "---\nx", "x\n---\ny", "*a", "&a", "!a", "%a", "@a", "`a", "{a}", "[a]", "a,b", "?", "|", ">", "<<", "0x10", "1e3", ".inf", "y", "no", "2001-01-01", "a\n  b\n c",
	} {
		s := addressSpec()
		s.Feature = strings.Repeat("f", i+1)
		if i > 1 {
			s.Prerequisites = []string{"1", "f", "true"}
		}
		s.Description, s.Owner = text, text
		s.Participants = map[string]muster.Participant{
			"1": {Version: muster.MustConstraint("1"), MinInstances: 1}, "true": {Version: muster.MustConstraint("*"), MinInstances: 9},
			"null": {Version: muster.MustConstraint(">=2, <3 || 5.x"), MinInstances: 1}, "1e3": {Version: muster.MustConstraint("2.10"), MinInstances: 1},
		}
		specs = append(specs, s)
	}
	encoded := manifest.Marshal(specs...)
	got, err := manifest.Parse("f.yaml", encoded)
	if err != nil {
		t.Fatalf("%v\n%s", err, encoded)
	}
	if diff := cmp.Diff(got, specs); diff != "" {
		t.Error(diff)
	}
}

// FuzzParse looks for a panic, an endless parse, and specs that do not survive
// being written and read again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		address, "feature: a\nparticipants: {s: ^1}\n---\nfeature: b\nparticipants: {s: {version: '>=1', minInstances: 3}}\n",
		`{"feature":"a","description":"x\ty\nz","participants":{"s":"^1"}}`, "feature: |\n  a\nowner: >-\n  b\n  c\nparticipants: {\"1\": '*'}\n",
		"a: &x [*x]\n", "--- # c\n...\n---\n", "feature: a\n\tb: c\n", "\uFEFFfeature: a\r\nparticipants:\r\n  s: ^1\r\n", "[[[[[{a: b", "? a\n: - - b\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		specs, err := manifest.Parse("fuzz", data)
		if err != nil {
			if specs != nil {
				t.Error("specs beside an error")
			}
			return
		}
		encoded := manifest.Marshal(specs...)
		again, err := manifest.Parse("again", encoded)
		if err != nil {
			t.Fatalf("%v\n%s", err, encoded)
		}
		if diff := cmp.Diff(again, specs); diff != "" {
			t.Errorf("%s\n%s", diff, encoded)
		}
	})
}

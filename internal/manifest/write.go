package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/musterhq/muster"
)

// Marshal writes specs as a manifest in its canonical form: fields in one
// order, participants and prerequisites sorted, every policy spelled out, a minimum of one
// instance left out. Revisions are not part of a manifest. [Parse] reads back
// the same specs.
func Marshal(specs ...muster.Spec) []byte {
	var b strings.Builder
	for i, s := range specs {
		if i > 0 {
			b.WriteString("---\n")
		}
		write(&b, s.WithDefaults())
	}
	return []byte(b.String())
}

func write(b *strings.Builder, s muster.Spec) {
	line := func(key, value string) { fmt.Fprintf(b, "%s: %s\n", key, Scalar(value)) }
	line("feature", s.Feature)
	if s.Description != "" {
		line("description", s.Description)
	}
	if s.Owner != "" {
		line("owner", s.Owner)
	}
	b.WriteString("participants:\n")
	for _, service := range s.Services() {
		p := s.Participants[service]
		version := quote(p.Version.String())
		if p.MinInstances == 1 {
			fmt.Fprintf(b, "  %s: %s\n", Scalar(service), version)
		} else {
			fmt.Fprintf(b, "  %s: {version: %s, minInstances: %d}\n", Scalar(service), version, p.MinInstances)
		}
	}
	if len(s.Prerequisites) > 0 {
		keys := make([]string, len(s.Prerequisites))
		for i, key := range s.Prerequisites {
			keys[i] = Scalar(key)
		}
		fmt.Fprintf(b, "prerequisites: [%s]\n", strings.Join(keys, ", "))
	}
	line("onDisconnect", string(s.OnDisconnect))
	line("onOldInstance", string(s.OldInstance))
	line("vanished", string(s.Vanished))
}

var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 ,.;()/_-]*$`)

// words are those that some YAML reader takes for a boolean or for nothing.
var words = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

// Scalar writes text as YAML, plainly where no reader of YAML could take it for
// something else, and in quotes otherwise.
func Scalar(text string) string {
	if plain.MatchString(text) && !strings.HasSuffix(text, " ") && !slices.Contains(words, strings.ToLower(text)) {
		return text
	}
	return quote(text)
}

func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

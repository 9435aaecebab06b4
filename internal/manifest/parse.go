package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/musterhq/muster"
)

// What the parser is given is bounded, because its stack grows with the depth
// of what it reads and its time with the square of the length.
const (
	maxDepth  = 32     // a spec needs four levels
	maxTokens = 20_000 // the largest spec needs some 2,000
)

// A located spec knows where its document stands, and in it what the spec needs
// on, as file:line:column.
type located struct {
	spec          muster.Spec
	source, needs string
}

// A chunk is the text of one document and the number of the line before it.
type chunk struct {
	text string
	line int
}

// parse reads all documents of one file, each by itself, so that a syntax
// error in one does not hide the problems of the next.
func parse(name string, data []byte) (specs []located, errs []error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if err := checkText(name, data); err != nil {
		return nil, []error{err}
	}
	empty := true
	for _, c := range split(string(data)) {
		node, err := c.parse(name)
		if err != nil {
			empty = false
			errs = append(errs, err)
			continue
		}
		if node == nil {
			continue // nothing, or only comments
		}
		empty = false
		d := document{name: name, line: c.line}
		spec := d.spec(node)
		if len(d.errs) > 0 {
			errs = append(errs, d.errs...)
			continue
		}
		l := located{spec: spec, source: d.at(node)}
		if list, there := d.places["prerequisites"]; there {
			l.needs = d.at(list)
		}
		specs = append(specs, l)
	}
	if empty {
		errs = append(errs, &muster.InvalidError{Field: "manifest", Problem: "is empty: it holds no feature", Source: name})
	}
	return specs, errs
}

// checkText refuses what is not text, with the place of the first fault.
func checkText(name string, data []byte) error {
	for line, text := range strings.Split(string(data), "\n") {
		for i, r := range text {
			problem := ""
			switch {
			case r == utf8.RuneError && strings.HasPrefix(text[i:], string(rune(utf8.RuneError))):
			case r == utf8.RuneError:
				problem = fmt.Sprintf("is not UTF-8: it holds the byte 0x%02X", text[i])
			case r != '\t' && unicode.IsControl(r):
				problem = fmt.Sprintf("holds the control character %U", r)
			}
			if problem != "" {
				return &muster.InvalidError{
					Field: "manifest", Problem: problem,
					Source: position(name, line+1, utf8.RuneCountInString(text[:i])+1),
				}
			}
		}
	}
	return nil
}

// split cuts a file into its documents. YAML allows a line that begins with
// --- or ... nowhere inside a document, not even in a block of text.
//
// The parser is not trusted with this: of goccy/go-yaml 1.19.2 an empty
// document swallows the one after it.
func split(text string) []chunk {
	var chunks []chunk
	var b strings.Builder
	start, n := 0, 0
	flush := func() {
		chunks = append(chunks, chunk{text: b.String(), line: start})
		b.Reset()
		start = n
	}
	for line := range strings.Lines(text) {
		switch rest, ok := marker(line); {
		case !ok:
			b.WriteString(line)
		case line[0] == '-':
			flush()
			b.WriteString("   " + rest) // what follows keeps its column
		default:
			flush()
			b.WriteByte('\n')
		}
		n++
	}
	flush()
	return chunks
}

// marker reports whether line ends a document, and what follows the marker.
func marker(line string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(line, "---")
	if !ok {
		rest, ok = strings.CutPrefix(line, "...")
	}
	return rest, ok && (rest == "" || strings.ContainsRune(" \t\n", rune(rest[0])))
}

// parse returns the document's content; nil when there is none.
func (c chunk) parse(name string) (ast.Node, error) {
	if len(c.text) > muster.MaxSpecSize {
		return nil, &muster.InvalidError{
			Field: "document", Source: position(name, c.line+1, 1),
			Problem: fmt.Sprintf("is larger than %d KiB", muster.MaxSpecSize>>10),
		}
	}
	tokens := lexer.Tokenize(c.text)
	if err := c.checkTokens(name, tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, c.syntaxError(name, err)
	}
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			return doc.Body, nil
		}
	}
	return nil, nil
}

// checkTokens refuses, before anything is built, what could expand (aliases,
// merge keys) or be nested so deep that the parser's stack overflows, and what
// a manifest has no use for.
func (c chunk) checkTokens(name string, tokens token.Tokens) error {
	flow, entries, line := 0, 0, 0
	for i, t := range tokens {
		if t.Position.Line != line {
			entries, line = 0, t.Position.Line
		}
		problem := ""
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			problem = "uses an anchor, alias or merge key, which manifests may not (a value that begins with & or * needs quotes)"
		case token.TagType:
			problem = "uses a tag, which manifests may not (a value that begins with ! needs quotes)"
		case token.DirectiveType:
			problem = "uses a directive, which manifests may not: remove the line"
		case token.MappingKeyType:
			problem = "uses a complex key (?), which manifests may not"
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingValueType:
			entries++ // outside of brackets each of a line nests in the one before
		}
		if i >= maxTokens {
			problem = fmt.Sprintf("holds more than %d words and signs", maxTokens)
		}
		if flow > maxDepth || flow == 0 && entries > maxDepth {
			problem = "is nested too deep"
		}
		if problem != "" {
			return &muster.InvalidError{Field: "document", Problem: problem, Source: position(name, c.line+t.Position.Line, t.Position.Column)}
		}
	}
	return nil
}

// syntaxError turns the parser's word into ours, with a hint for the mistakes
// that manifests invite.
func (c chunk) syntaxError(name string, err error) error {
	line, column, message := c.line+1, 1, "it cannot be parsed"
	var located yaml.Error
	if errors.As(err, &located) { // its Error() would quote the source, at a cost that grows with its square
		message = located.GetMessage()
		if t := located.GetToken(); t != nil && t.Position != nil {
			line, column = c.line+t.Position.Line, t.Position.Column
		}
	}
	switch {
	case strings.Contains(message, "invalid header option"):
		message += ` (a value that begins with > or | needs quotes, as in ">=2.0.0")`
	case strings.Contains(message, "'\t'"):
		message = "a tab where YAML allows only spaces"
	}
	return &muster.InvalidError{Field: "document", Problem: "is not YAML: " + message, Source: position(name, line, column)}
}

func position(name string, line, column int) string {
	return fmt.Sprintf("%s:%d:%d", name, line, column)
}

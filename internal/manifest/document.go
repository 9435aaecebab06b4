package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/musterhq/muster"
)

// A document turns one parsed document into a spec, and collects all that is
// wrong with it.
type document struct {
	name   string // of the file
	line   int    // of the file before the document
	errs   []error
	places map[string]ast.Node // of every field seen, for what Validate finds
}

// A field reads the value of one field into the spec.
type field struct {
	name string
	read func(path string, value ast.Node)
}

// spec reads a whole document. The spec means nothing when d.errs is not empty.
func (d *document) spec(node ast.Node) muster.Spec {
	d.places = map[string]ast.Node{"": node}
	var s muster.Spec
	d.mapping("", node, []field{
		{"feature", text(d, &s.Feature)},
		{"description", text(d, &s.Description)},
		{"owner", text(d, &s.Owner)},
		{"participants", func(path string, value ast.Node) { s.Participants = d.participants(path, value) }},
		{"prerequisites", func(path string, value ast.Node) { s.Prerequisites = d.prerequisites(path, value) }},
		{"onDisconnect", text(d, &s.OnDisconnect)},
		{"onOldInstance", text(d, &s.OldInstance)},
		{"vanished", text(d, &s.Vanished)},
	})
	if len(d.errs) > 0 {
		return s
	}
	s = s.WithDefaults()
	if err := s.Validate(); err != nil {
		d.invalid(err)
	} else if encoded, err := json.Marshal(s); err != nil || len(encoded) > muster.MaxSpecSize {
		d.fail("", node, "", fmt.Sprintf("is larger than %d KiB", muster.MaxSpecSize>>10))
	}
	return s
}

// participants reads the services that take part.
func (d *document) participants(path string, node ast.Node) map[string]muster.Participant {
	entries, ok := d.entries(path, node)
	if !ok {
		return nil
	}
	participants := make(map[string]muster.Participant, len(entries))
	for _, e := range entries {
		if err := muster.ValidateService(e.key); err != nil {
			var invalid *muster.InvalidError
			errors.As(err, &invalid)
			d.fail(path+": service", e.node.Key, e.key, invalid.Problem)
			continue
		}
		d.places[path+"."+e.key] = e.node.Value
		participants[e.key] = d.participant(path+"."+e.key, e.node.Value)
	}
	return participants
}

// prerequisites reads a list of features.
func (d *document) prerequisites(path string, node ast.Node) []string {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(path, node, "", "is "+kind(node)+", not a list of features: write [tax]")
		return nil
	}
	keys := make([]string, 0, len(list.Values))
	for _, value := range list.Values {
		key := ""
		text(d, &key)(path, value)
		if err := muster.ValidateFeature(key); err != nil && key != "" {
			var invalid *muster.InvalidError
			errors.As(err, &invalid)
			d.fail(path, value, key, invalid.Problem)
		}
		keys = append(keys, key)
	}
	return keys
}

// participant reads a constraint, or a mapping of constraint and minimum.
func (d *document) participant(path string, node ast.Node) (p muster.Participant) {
	constraint := func(path string, value ast.Node) {
		var written string
		text(d, &written)(path, value)
		if written == "" {
			return // reported, or empty: Validate says so
		}
		var err error
		if p.Version, err = muster.ParseConstraint(written); err != nil {
			var invalid *muster.InvalidError
			errors.As(err, &invalid)
			d.fail(path, value, written, invalid.Problem)
		}
	}
	if _, ok := node.(*ast.MappingNode); !ok {
		constraint(path, node)
		return p
	}
	d.mapping(path, node, []field{
		{"version", constraint},
		{"minInstances", func(path string, value ast.Node) { p.MinInstances = d.count(path, value) }},
	})
	return p
}

// mapping reads a mapping with known fields.
func (d *document) mapping(path string, node ast.Node, fields []field) {
	entries, ok := d.entries(path, node)
	if !ok {
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	for _, e := range entries {
		i := slices.Index(names, e.key)
		if i < 0 {
			d.fail(join(path, "field"), e.node.Key, e.key, "is not known"+Hint(e.key, names))
			continue
		}
		full := strings.TrimPrefix(path+"."+e.key, ".")
		d.places[full] = e.node.Value
		fields[i].read(full, e.node.Value)
	}
}

// An entry of a mapping, its key read.
type entry struct {
	key  string
	node *ast.MappingValueNode
}

// entries returns a mapping's entries in the order of the file, each key once.
func (d *document) entries(path string, node ast.Node) (entries []entry, ok bool) {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		d.fail(path, node, "", "is "+kind(node)+", not a mapping of keys to values")
		return nil, false
	}
	first := make(map[string]ast.Node, len(mapping.Values))
	for _, v := range mapping.Values {
		key, isText := v.Key.(*ast.StringNode)
		if !isText {
			d.fail(join(path, "key"), v.Key, v.Key.String(), "is "+kind(v.Key)+": put it in quotes")
			continue
		}
		if other, twice := first[key.Value]; twice {
			d.fail(join(path, "key"), key, key.Value, "occurs twice: here and at "+d.at(other))
			continue
		}
		first[key.Value] = key
		entries = append(entries, entry{key.Value, v})
	}
	return entries, true
}

// text returns a reader of text. What only looks like text to people (2.0,
// true) is refused: guessing would drop the zero of 2.10.
func text[T ~string](d *document, into *T) func(path string, node ast.Node) {
	return func(path string, node ast.Node) {
		var value string
		switch n := node.(type) {
		case *ast.StringNode:
			value = n.Value
		case *ast.LiteralNode:
			value = n.Value.Value
		case *ast.NullNode:
			d.fail(path, node, "", "has no value: write one, or remove the line")
		case *ast.MappingNode, *ast.SequenceNode:
			d.fail(path, node, "", "is "+kind(node)+", not text")
		default:
			d.fail(path, node, n.GetToken().Value, "is "+kind(node)+", not text: put it in quotes")
		}
		if i := strings.IndexFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
			d.fail(path, node, value, "holds a control character")
			return
		}
		*into = T(value)
	}
}

// count reads a whole number that is at least 1. Left out it has its default,
// so a 0 that is written must not be taken for that.
func (d *document) count(path string, node ast.Node) int {
	t := node.GetToken()
	n, err := strconv.Atoi(t.Value)
	switch {
	case t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType:
		d.fail(path, node, t.Value, "is text, not a number: remove the quotes")
	case err != nil || n < 1 || n > muster.MaxInstances || strconv.Itoa(n) != t.Value:
		d.fail(path, node, t.Value, "is not a whole number between 1 and "+strconv.Itoa(muster.MaxInstances))
	}
	return n
}

// invalid reports what Validate found, at the place of the field it names or
// of the nearest one around it.
func (d *document) invalid(err error) {
	invalid := &muster.InvalidError{Problem: err.Error()}
	errors.As(err, &invalid)
	path := invalid.Field
	for d.places[path] == nil && path != "" {
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	d.fail(invalid.Field, d.places[path], invalid.Value, invalid.Problem)
}

// fail reports a problem with the value at node.
func (d *document) fail(path string, node ast.Node, value, problem string) {
	if path == "" {
		path = "document"
	}
	d.errs = append(d.errs, &muster.InvalidError{Field: path, Value: value, Problem: problem, Source: d.at(node)})
}

// at returns where a node begins, as file:line:column.
func (d *document) at(node ast.Node) string {
	// The token of a mapping in block style is its first colon.
	for {
		mapping, ok := node.(*ast.MappingNode)
		if !ok || mapping.IsFlowStyle || len(mapping.Values) == 0 {
			break
		}
		node = mapping.Values[0].Key
	}
	pos := node.GetToken().Position
	return position(d.name, d.line+pos.Line, pos.Column)
}

// join names something inside the value at path.
func join(path, inside string) string {
	if path == "" {
		return inside
	}
	return path + ": " + inside
}

// kind names a node's type to people.
func kind(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "empty"
	case *ast.BoolNode:
		return "a boolean"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	default:
		return "text"
	}
}

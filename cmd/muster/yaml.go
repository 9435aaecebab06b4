package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/musterhq/muster/internal/manifest"
)

// jsonToYAML rewrites a JSON document as YAML in block style, its keys in the
// same order.
func jsonToYAML(data []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	w := yamlWriter{dec: dec}
	if err := w.value(0, atTop); err != nil {
		return nil, err
	}
	return w.b.Bytes(), nil
}

type yamlWriter struct {
	dec *json.Decoder
	b   bytes.Buffer
}

// place says what stands on the line before a value.
type place int

const (
	atTop   place = iota // nothing
	atKey                // a key and its colon
	atEntry              // the dash of a list's entry
)

// value writes the next value; the lines of a block are indented.
func (w *yamlWriter) value(indent int, at place) error {
	token, err := w.dec.Token()
	if err != nil {
		return err
	}
	text := "null"
	switch t := token.(type) {
	case json.Delim:
		if w.dec.More() {
			return w.block(t, indent, at)
		}
		text = map[json.Delim]string{'{': "{}", '[': "[]"}[t]
		if _, err := w.dec.Token(); err != nil { // the closing one
			return err
		}
	case string:
		text = manifest.Scalar(t)
	case nil:
	default:
		text = fmt.Sprint(t)
	}
	if at != atTop {
		w.b.WriteByte(' ')
	}
	w.b.WriteString(text + "\n")
	return nil
}

// block writes an object or array that is not empty. Behind a key it begins on
// a new line, behind a dash on the same.
func (w *yamlWriter) block(open json.Delim, indent int, at place) error {
	if at == atKey {
		w.b.WriteByte('\n')
	}
	for first := true; w.dec.More(); first = false {
		if first && at == atEntry {
			w.b.WriteByte(' ')
		} else {
			w.b.WriteString(strings.Repeat("  ", indent))
		}
		next := atEntry
		if open == '{' {
			key, err := w.dec.Token()
			if err != nil {
				return err
			}
			w.b.WriteString(manifest.Scalar(fmt.Sprint(key)) + ":")
			next = atKey
		} else {
			w.b.WriteByte('-')
		}
		if err := w.value(indent+1, next); err != nil {
			return err
		}
	}
	_, err := w.dec.Token() // the closing one
	return err
}

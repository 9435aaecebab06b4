package muster

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidateText checks text that people are shown: at most most bytes of UTF-8
// without control characters but line breaks and tabs, which a terminal would
// obey. The error is an [*InvalidError] that names field.
func ValidateText(field, text string, most int) error {
	switch {
	case len(text) > most:
		return &InvalidError{Field: field, Value: text, Problem: "is longer than " + strconv.Itoa(most) + " bytes"}
	case !utf8.ValidString(text):
		return &InvalidError{Field: field, Value: text, Problem: "is not valid UTF-8"}
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return &InvalidError{Field: field, Value: text, Problem: "holds a control character"}
	}
	return nil
}

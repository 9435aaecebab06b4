package muster

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidateText checks text that people are shown: at most most bytes of UTF-8
// without what a terminal would obey or what shows other text than there is,
// but for line breaks and tabs. The error is an [*InvalidError] that names field.
func ValidateText(field, text string, most int) error {
	return validateText(field, text, most, func(r rune) bool { return r == '\n' || r == '\t' })
}

// ValidateLine is [ValidateText] for text that is shown among others on one
// line: it may not break it either, or it could pretend to be two.
func ValidateLine(field, text string, most int) error {
	return validateText(field, text, most, func(rune) bool { return false })
}

func validateText(field, text string, most int, allowed func(rune) bool) error {
	switch {
	case len(text) > most:
		return &InvalidError{Field: field, Value: text, Problem: "is longer than " + strconv.Itoa(most) + " bytes"}
	case !utf8.ValidString(text):
		return &InvalidError{Field: field, Value: text, Problem: "is not valid UTF-8"}
	case strings.ContainsFunc(text, func(r rune) bool { return Misleading(r) && !allowed(r) }):
		return &InvalidError{Field: field, Value: text, Problem: "holds a control character"}
	}
	return nil
}

// Misleading reports whether a character does something to the text around it
// instead of being shown: controls, which terminals obey, line and paragraph
// separators, and those that change the direction of writing.
func Misleading(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// Harmless makes any text one line that can be shown: what is [Misleading] or
// no UTF-8 becomes U+FFFD, and what is longer than most bytes is cut.
func Harmless(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if Misleading(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

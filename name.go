package muster

import (
	"regexp"
	"strconv"
)

// MaxName is the longest feature key, service name or instance id, in bytes.
const MaxName = 100

var (
	namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)
	idPattern   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

	incarnationPattern = regexp.MustCompile(`^[a-z0-9]{6,32}$`)
)

// ValidateFeature checks a feature key: lower-case letters, digits, and
// . _ - inside, at most [MaxName] bytes. The error is an [*InvalidError].
func ValidateFeature(key string) error { return validate("feature", key, namePattern) }

// ValidateService checks a service name, by the same rule as a feature key.
func ValidateService(name string) error { return validate("service", name, namePattern) }

// ValidateInstance checks an instance id, which may hold upper-case letters
// as well.
func ValidateInstance(id string) error { return validate("instance", id, idPattern) }

func validate(field, value string, pattern *regexp.Regexp) error {
	switch {
	case value == "":
		return &InvalidError{Field: field, Problem: "is empty"}
	case len(value) > MaxName:
		return &InvalidError{Field: field, Value: value, Problem: "is longer than " + strconv.Itoa(MaxName) + " bytes"}
	case !pattern.MatchString(value):
		letters := "lower-case letters"
		if pattern == idPattern {
			letters = "letters"
		}
		return &InvalidError{Field: field, Value: value, Problem: "may hold " + letters + ", digits and . _ - between them"}
	}
	return nil
}

package muster

import "fmt"

// Stage says how far a feature is turned on. The stages are ordered, and a
// feature moves between neighbours only: off, accept, on, and back the same
// way (G3).
type Stage int8

const (
	// Off: instances neither send the new form nor need to understand it.
	Off Stage = iota
	// Accept: instances understand the new form and still send the old one.
	Accept
	// On: instances send the new form.
	On
)

var stageNames = [...]string{Off: "off", Accept: "accept", On: "on"}

// String returns "off", "accept" or "on".
func (s Stage) String() string {
	if s < Off || s > On {
		return fmt.Sprintf("stage(%d)", int8(s))
	}
	return stageNames[s]
}

// ParseStage is the inverse of [Stage.String].
func ParseStage(name string) (Stage, error) {
	for s, n := range stageNames {
		if n == name {
			return Stage(s), nil
		}
	}
	return Off, &InvalidError{Field: "stage", Value: name, Problem: "is not one of off, accept, on"}
}

// MarshalText writes the stage's name.
func (s Stage) MarshalText() ([]byte, error) {
	if s < Off || s > On {
		return nil, &InvalidError{Field: "stage", Value: s.String(), Problem: "is not one of off, accept, on"}
	}
	return []byte(stageNames[s]), nil
}

// UnmarshalText reads the stage's name.
func (s *Stage) UnmarshalText(text []byte) error {
	parsed, err := ParseStage(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// Adjacent reports whether a and b are the same stage or neighbours, that is
// whether instances at a and at b understand each other (G3).
func (s Stage) Adjacent(other Stage) bool {
	d := s - other
	return -1 <= d && d <= 1
}

// Toward returns the next stage on the way from s to target.
func (s Stage) Toward(target Stage) Stage {
	switch {
	case target > s:
		return s + 1
	case target < s:
		return s - 1
	default:
		return s
	}
}

package muster

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// MaxConstraint is the longest version constraint that is accepted, in bytes.
const MaxConstraint = 256

// Constraint says which versions of a service are ready for a feature, in the
// usual notation of semantic versions: ">=2.3.0", "^1.4", ">=2, <4 || 5.x".
//
// A pre-release (2.3.0-rc.1) satisfies a constraint only where the constraint
// itself names a pre-release. The zero Constraint is satisfied by nothing.
// Constraints are immutable and safe for concurrent use.
type Constraint struct {
	raw    string
	parsed *semver.Constraints
}

// ParseConstraint reads a version constraint. The error is an [*InvalidError].
func ParseConstraint(s string) (Constraint, error) {
	switch {
	case strings.TrimSpace(s) == "":
		return Constraint{}, &InvalidError{Field: "version", Value: s, Problem: `is empty: write a constraint such as ">=2.3.0"`}
	case len(s) > MaxConstraint:
		return Constraint{}, &InvalidError{Field: "version", Value: s, Problem: "is longer than " + strconv.Itoa(MaxConstraint) + " bytes"}
	}
	if err := ValidateLine("version", s, MaxConstraint); err != nil {
		return Constraint{}, err
	}
	parsed, err := semver.NewConstraint(s)
	if err != nil {
		return Constraint{}, &InvalidError{Field: "version", Value: s, Problem: `is not a version constraint such as ">=2.3.0"`}
	}
	return Constraint{raw: s, parsed: parsed}, nil
}

// MustConstraint is [ParseConstraint] for constants; it panics on an error.
func MustConstraint(s string) Constraint {
	c, err := ParseConstraint(s)
	if err != nil {
		panic(err)
	}
	return c
}

// String returns the constraint as it was written.
func (c Constraint) String() string { return c.raw }

// IsZero reports whether c is the zero Constraint.
func (c Constraint) IsZero() bool { return c.parsed == nil }

// Equal reports whether c and o were written alike.
func (c Constraint) Equal(o Constraint) bool { return c.raw == o.raw }

// MarshalText writes the constraint as it was written.
func (c Constraint) MarshalText() ([]byte, error) { return []byte(c.raw), nil }

// UnmarshalText reads a constraint; see [ParseConstraint].
func (c *Constraint) UnmarshalText(text []byte) error {
	parsed, err := ParseConstraint(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// Check returns "" when version satisfies c, and otherwise says why it does
// not, to be read after "is ready because it ": a missing and an unparsable
// version satisfy nothing.
func (c Constraint) Check(version string) (problem string) {
	if version == "" {
		return "reports no version"
	}
	v, err := ParseVersion(version)
	if err != nil {
		return "reports " + strconv.Quote(version) + ", which is not a semantic version"
	}
	if c.parsed == nil || !c.parsed.Check(v) {
		if v.Prerelease() != "" {
			return "is " + version + ", a pre-release, and needs " + c.raw
		}
		return "is " + version + " and needs " + c.raw
	}
	return ""
}

// Satisfied reports whether version satisfies c.
func (c Constraint) Satisfied(version string) bool { return c.Check(version) == "" }

// MaxVersion is the longest version that is accepted, in bytes.
const MaxVersion = 128

// ParseVersion reads a semantic version; a leading v and missing minor and
// patch numbers are tolerated, as in v1.2. The error is an [*InvalidError].
func ParseVersion(s string) (*semver.Version, error) {
	if len(s) > MaxVersion {
		return nil, &InvalidError{Field: "version", Value: s, Problem: "is longer than " + strconv.Itoa(MaxVersion) + " bytes"}
	}
	v, err := semver.NewVersion(s)
	if err != nil {
		return nil, &InvalidError{Field: "version", Value: s, Problem: "is not a semantic version such as 2.3.0"}
	}
	return v, nil
}

var versionToken = regexp.MustCompile(`v?(\d+)(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(-[0-9A-Za-z.-]+)?`)

// Satisfiable reports whether some version satisfies all the constraints.
//
// A constraint only changes its answer at the versions that it names, so it is
// enough to try those and their nearest neighbours on either side.
func Satisfiable(constraints ...Constraint) bool {
	for _, candidate := range candidates(constraints) {
		all := true
		for _, c := range constraints {
			if c.parsed == nil || !c.parsed.Check(candidate) {
				all = false
				break
			}
		}
		if all {
			return true
		}
	}
	return false
}

// candidates returns the versions named by the constraints, each with its
// neighbours.
func candidates(constraints []Constraint) []*semver.Version {
	const far = 1 << 30 // beyond any number that is named
	vs := []*semver.Version{semver.New(0, 0, 0, "", ""), semver.New(far, far, far, "", "")}
	for _, c := range constraints {
		for _, m := range versionToken.FindAllStringSubmatch(c.raw, -1) {
			major, minor, patch := number(m[1]), number(m[2]), number(m[3])
			pre := strings.TrimPrefix(m[4], "-")
			if pre != "" {
				vs = append(vs, semver.New(major, minor, patch, pre, ""), semver.New(major, minor, patch, pre+".0", ""))
			}
			vs = append(vs,
				semver.New(major, minor, patch, "", ""),
				semver.New(major, minor, patch+1, "", ""),
				semver.New(major, minor+1, 0, "", ""),
				semver.New(major+1, 0, 0, "", ""))
			if patch > 0 {
				vs = append(vs, semver.New(major, minor, patch-1, "", ""))
			}
			if minor > 0 {
				vs = append(vs, semver.New(major, minor-1, far, "", ""))
			}
			if major > 0 {
				vs = append(vs, semver.New(major-1, far, far, "", ""))
			}
		}
	}
	return vs
}

// number reads one part of a version; a wildcard, a missing or an absurd part
// counts as 0.
func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 30)
	if err != nil {
		return 0
	}
	return n
}

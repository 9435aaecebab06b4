// Package manifest reads and writes the files in which operators keep their
// features: YAML (and so JSON), one or several documents in a file, each
// document one [muster.Spec].
//
// It is strict, because a typing error in a manifest must never quietly become
// a feature without a guard: unknown and repeated fields, values of the wrong
// type, anchors, aliases and tags are errors, and every error names file, line
// and column. All errors of all files come back together, so that one round is
// enough to mend them, and whoever applies manifests applies all of them or
// none.
//
// Input is hostile until proven otherwise. Sizes and nesting are bounded
// before anything is parsed, and what would expand (aliases, merge keys) is
// refused while it is still a token.
package manifest

package muster

import "slices"

// Cycle returns a way from the feature back to itself, both ends included, that
// goes from each feature to one that it needs on; nil where there is none.
func Cycle(feature string, needs func(key string) []string) []string {
	seen := make(map[string]bool)
	var walk func(key string) []string
	walk = func(key string) []string {
		for _, next := range needs(key) {
			if next == feature {
				return []string{next, key}
			}
			if seen[next] {
				continue
			}
			seen[next] = true
			if way := walk(next); way != nil {
				return append(way, key)
			}
		}
		return nil
	}
	way := walk(feature)
	slices.Reverse(way)
	return way
}

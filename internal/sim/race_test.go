//go:build race

package sim_test

// quick is how many seeds the race detector gets through in some ten seconds.
const quick = 20

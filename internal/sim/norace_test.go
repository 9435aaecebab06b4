//go:build !race

package sim_test

// quick is how many seeds run in some ten seconds.
const quick = 200

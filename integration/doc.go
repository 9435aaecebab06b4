// Package integration holds the tests that need the whole house: agents,
// instances and operators in one story, on the embedded server and on a real
// ZooKeeper ensemble, in one process and in many. Nothing imports it.
//
// A test that is about the whole is a function of a backend (see backends):
// it runs on both, or fails where CI=true and the ensemble cannot be started.
// Tests wait for conditions, never for time to pass.
//
// The randomized run with real processes is replayed with MUSTER_SEED.
package integration

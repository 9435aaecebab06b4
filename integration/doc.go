// Package integration holds the tests that need the whole house: agents,
// instances and operators in one story, on the embedded server and on a real
// ZooKeeper ensemble, in one process and in many. Nothing imports it.
//
// A story is played on each backend by onEach, with a fleet of its own; where
// the ensemble cannot be started it is skipped, and fails with CI=true. Tests
// wait for conditions, never for time to pass. At its end a story is judged:
// what the instances told of themselves, and what the history tells, is held
// against the promises G1, G2, G3, G5 and G8 (see judge).
//
// Which situation is tried where, besides the tests that bear its number:
//
//	 3, 12   TestCase12RepliesAreLost
//	 4       TestCase19RestartBetweenSeeingAndAcking
//	22       TestCase22ProcessesCrashStopAndStart, and every story that is judged
//
// Those that need a clock or a server that misbehaves to the point (10, 16, 21)
// are tried on virtual time, beside the package that they are about.
//
// TestCase22ProcessesCrashStopAndStart lets real processes crash, stop and start by a seed, and is
// replayed with MUSTER_SEED. The benchmarks are run by make bench.
package integration

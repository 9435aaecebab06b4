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
// The situations bear their number: TestCase14 is the fourteenth. Of 1 to 30 all
// are tried here but 16, which is a race of commands (internal/store/storetest).
// Those that need a clock or a server that misbehaves to the point are tried on
// virtual time too, beside the package that they are about.
//
// # How things are broken
//
//   - A line (line_test.go) is the way of one agent or instance of this process to
//     ZooKeeper. It is cut, held up, or held up one way; it breaks at a given
//     transaction, holds one back, and loses what watches tell.
//   - A ferry (ferry_test.go) is the way of a real process. It hangs up, or falls
//     silent and keeps the connections.
//   - An ensemble (internal/ensemble) is shared by those who leave it whole, and
//     borrowed in turns by those who do not: its leader is frozen or killed while
//     a transaction is on its way (election_test.go), it goes away as a whole or
//     server by server (outage_test.go), and one of its servers lags (lag_test.go).
//     Disks that are slow or full have one of their own (disk_linux_test.go), for
//     which they need root and a C compiler.
//   - Sessions expire all at once on the embedded server (storm_test.go).
//
// TestCase22ProcessesCrashStopAndStart lets real processes crash, stop and start by a seed, and is
// replayed with MUSTER_SEED. The benchmarks are run by make bench.
package integration

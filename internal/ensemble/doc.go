// Package ensemble runs real ZooKeeper for tests: Debian's own jars, one Java
// process a server, on free loopback ports, so that a suite that passes on the
// embedded server is shown to pass on what production runs.
//
//	func TestFlip(t *testing.T) {
//		servers := ensemble.Shared(t).Servers() // one ensemble for the test binary
//		root := ensemble.Root(t)                // a tree for this test alone
//		…
//	}
//
//	func TestLeaderDies(t *testing.T) {
//		e := ensemble.Borrow(t) // one for all that break it, one after the other
//		e.Kill(e.Leader())
//		…
//	}
//
//	func TestFollowerLags(t *testing.T) {
//		e := ensemble.Borrow(t)
//		heal := e.Delay((e.Leader()+1)%3, time.Second)
//		…
//	}
//
// Servers are named by their index in [Ensemble.Servers], from 0. What may fail
// takes the test that is to fail; signals do not fail: a dead server stays dead.
// All methods may be called concurrently.
//
// Without ZooKeeper a test skips and says so; with CI=true it fails.
package ensemble

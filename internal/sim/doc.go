// Package sim runs a fleet, its agents and its operators in one goroutine, on
// virtual time, and checks after every step what muster promises. What happens
// next is drawn from a seed: who goes on, which session expires, which reply is
// lost, how far a server lags, who is upgraded, rolled back or killed. So a run
// is repeated exactly by its seed.
//
// What decides and what writes is the real code: [plan.Next], [plan.Reap] and
// [plan.Apply], and package store with all its transactions. Underneath lies a
// small model of ZooKeeper (cluster.go, session.go); around it models of an
// instance and of an agent's loop. Each of them runs its code in a coroutine
// and pauses at every operation on the tree; the scheduler says who goes on.
//
// # What is checked (check.go, stages.go)
//
//   - G1: a feature leaves off only when every member satisfies its constraint,
//     and accept and the closed gate only when every member has acked.
//   - G2: nobody becomes a member past a closed gate; and when an instance that
//     violates a constraint does, no other member applies accept or on.
//   - G3: the effective stages of all that serve, and of all requests in
//     flight, are pairwise adjacent.
//   - G5: every write is of an agent that is still enrolled, no step is made
//     twice, no command is lost or carried out twice; and when the faults stop,
//     every feature reaches what was wanted last, or is blocked by what truly
//     is so.
//   - Prerequisites: a feature goes up only while they stand at on, and nothing
//     that another needs is deactivated or deleted.
//   - G8: every change has exactly one record, and the records tell the status.
//
// # Wrong variants (variant.go)
//
// A check that cannot fail proves nothing. So each of the [Variants] breaks the
// protocol in one place, from outside: the code under test has no hooks.
package sim

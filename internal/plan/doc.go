// Package plan decides. [Next] is the planner: a pure function from all that
// one decision sees ([State]) to the next transaction ([Move]) or what it waits
// for. [Reap] decides which vanished members are given up, [Quarantine] for how
// long they still count, and [Apply] what an operator's command changes.
//
// Nothing here does I/O, draws a random number or reads a clock, and malformed
// input is a blocker with a name, never an error: so the promises can be tested
// by exhaustion and at random.
//
// # How a feature moves
//
//	off, gate open ──► accept, gate closed ──► on
//	      ▲    every participant ready │  ▲ every member acked accept │
//	      │                            │  └───────── at once ─────────┘
//	      │                            ▼ every member acked accept
//	      └──────────────── off, gate closed
//	       every member acked off
//
// Where registrations keep invalidating what was read, the gate is closed
// first: off with a closed gate, then accept or the gate opened again.
package plan

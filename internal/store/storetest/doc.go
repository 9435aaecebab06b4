// Package storetest is the contract of package store: what each transaction
// does, what it refuses, and what becomes of it when the reply is lost, another
// is faster, or what lies there is garbage. It runs on anything that speaks
// ZooKeeper's protocol: on the embedded server in milliseconds, and on a real
// ensemble.
//
// Faults and races are made at the seam between store and session, so they are
// the same everywhere and happen exactly where they are meant to.
package storetest

// Package zkserver is a single server that speaks ZooKeeper's wire protocol. It
// is for laptops and tests; production is a ZooKeeper ensemble.
//
//	s, err := zkserver.New(zkserver.Config{Addr: "127.0.0.1:0"})
//	…
//	go s.Run(ctx) // serves s.Addr() until ctx ends, or s.Close
//
// It does what ZooKeeper 3.8 does, down to result codes and stat fields, and
// package zkconformance holds the two side by side. Apart from one server being
// no ensemble, these differ: TTL nodes need not be switched on, quotas are not
// kept, there is no SASL and no TLS, a failed write draws no transaction id, and
// a session expires exactly at its timeout and not up to a tick later.
//
// Properties to rely on:
//
//  1. Requests of one connection are answered in order. An event reaches a
//     client before any answer that shows the state which caused it.
//  2. With a data directory, whatever a client was shown (by an answer or an
//     event, whoever wrote it) is on disk: it survives kill -9. Sessions
//     survive too and have their whole timeout to come back.
//  3. A client that does not read holds up nobody: what waits for it is
//     bounded, and beyond that its connection is closed.
//  4. Inside a testing/synctest bubble, with connections from [Server.Dial],
//     nothing waits on anything but channels and the bubble's clock, so
//     sessions expire on virtual time.
//  5. [Server.Faults] makes it misbehave exactly: the very request whose answer
//     is to be lost, the very session that is to expire.
package zkserver

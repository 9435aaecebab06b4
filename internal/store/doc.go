// Package store knows what lies in ZooKeeper and how it may change: the paths,
// the encodings, and each transaction, owned by one function.
//
//	/agents/<agent>-n0000000001         ephemeral, sequential: the election
//	/features                           empty; its version counts applied specs
//	/features/<feature>                 the status
//	/features/<feature>/specs/<rev>     an immutable spec
//	/services/<service>                 the sheet; its version is the revision
//	/services/<service>/roster          empty; its version counts registrations
//	/services/<service>/members/<entry> the instance, persistent
//	/services/<service>/live/<entry>    the ack, ephemeral
//	/services/<service>/knocks/<entry>  a refused instance that waits, ephemeral
//	/history/r-0000000001               one audit record
//
// All of it lies below one root, such as /muster. Entries are named by
// [muster.Instance.Entry]. Nothing is deleted that could be created again under
// the same name: a version would start over and let a stale write in. So a
// removed feature leaves a tombstone.
//
// # The transactions
//
//   - [Store.Join] checks the sheet's version, so the gate that admitted the
//     instance is the gate of that moment (G2).
//   - [Store.Commit] checks the leader's own node, and compares every version
//     that the move was decided on (G1, G5).
//   - [Store.Command] compares the feature's version, and those of the features
//     that it needs or that need it; [Store.Reap] the member's.
//   - [Store.Leave], [Store.Ack] and [Store.Knock] concern one instance alone.
//
// A write has three fates: done, refused, unknown. An unknown one is read back,
// after a sync, and never repeated blindly. History is written in the same
// transaction as the change that it tells of (G8).
//
// # Encodings
//
// JSON with "format":1 at the top. What cannot be read, or is of a newer
// format, is a [*GarbageError] with its path, or the Problem of the one thing
// that it spoils; it is never overwritten.
//
// A [Store] is safe for concurrent use.
package store

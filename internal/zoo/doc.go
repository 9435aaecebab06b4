// Package zoo is muster's way to ZooKeeper: one session, which is a value that
// ends. It is the only package that knows github.com/go-zookeeper/zk, and hides
// what that library leaves to its callers.
//
//	s, err := zoo.Dial(ctx, zoo.Config{Servers: servers})
//	defer s.Close()
//	node, changed, err := s.Watch(ctx, "/muster/services/checkout")
//	var t zoo.Txn
//	t.Check("/muster/agents/leader", 0)
//	t.Set("/muster/services/checkout", sheet, node.Stat.Version)
//	_, err = s.Commit(ctx, t)
//
// What holds:
//
//  1. A [Session] is one session of the servers. When it has ended it never
//     comes back, and nothing asked of it is ever sent in a later one (G5).
//     Who wants to go on dials again. Only the servers decide that a session
//     has expired: a process that is cut off is not told so before it reaches
//     one again, however long that takes. [Session.Silence] is what it can
//     know by itself.
//  2. [Session.Silence] is how long ago the last answered request was sent
//     (G4). It counts suspension of the machine, and never begins at the
//     answer. Every operation ends it; a heartbeat does where there is none.
//  3. A commit has one of three fates: done, refused, unknown. An error that is
//     [ErrUnknown] means that it may have been applied, or may still be. To find
//     out, Sync, then read; never repeat it blindly. [ErrNotSent] and
//     [*ConflictError] mean that it was not applied and never will be.
//  4. Every operation ends with its context, and at the latest after
//     Config.OpTimeout. While there is no connection operations wait here and
//     not in the library's queue, so that giving up means never sent.
//  5. A watch says: look again. It carries nothing, may say so once too often,
//     and a poll finds what it missed.
//  6. A server that accepts and stays silent is left for the next one, with
//     backoff and jitter once every server has been tried.
//  7. Operations of one session take effect in the order in which they were
//     started one after the other; concurrent ones share the connection
//     without waiting for each other.
//
// All methods may be called concurrently.
package zoo

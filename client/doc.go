// Package client speaks to muster's agents: it applies specs, says where
// features are wanted, waits for them, and reads the registry and the history.
// Release automation imports it; the command muster is made of it.
//
//	c, err := client.New(client.Config{Addrs: []string{"agent-1:7420", "agent-2:7420"}, TLS: tls, Token: token})
//	…
//	defer c.Close()
//	_, err = c.Activate(ctx, "structured-address", client.Why("release 42"), client.Wait())
//
// blocks until the feature is on. When ctx ends before, the error is a
// [*muster.BlockedError] that names all that is waited for, and it is
// [context.DeadlineExceeded] too.
//
// # Properties
//
//  1. Any agent will do. One that does not answer, or that is cut off from
//     ZooKeeper, is passed over for the next of Config.Addrs; the one that
//     answered last is asked first.
//  2. A command is carried out once, however often it has to be sent: it bears
//     an id, drawn by the client or given with [RequestID]. Give one where the
//     program itself may be run again, as in a pipeline.
//  3. A call ends when its context does. Without an answer from any agent it
//     ends after Config.Patience with [ErrUnavailable]. Watching and waiting
//     go on for as long as the context allows once an agent has answered.
//  4. Errors are those of package muster, found by [errors.Is] and [errors.As]:
//     [muster.ErrNotFound], [*muster.InvalidError], … and the sentinels here.
//
// A [Client] is safe for concurrent use.
package client

// Package sdk makes a process an instance of its service, and answers which
// features are on in it.
//
//	m, err := sdk.Open(ctx, sdk.Config{Service: "checkout", Version: version, Servers: servers})
//	defer m.Close()
//	address := m.Bool("structured-address", false) // a handle, resolved once
//
//	if address.Enabled(ctx) { … send the new form … } // on, for this request
//	if address.Accepts(ctx) { … understand it … }     // accept or on
//
// [Client.Ready] says whether the process may serve; [Client.Handler] or
// [Client.Pin] give a request one view of all flags from its beginning to its
// end. That is all a service needs.
//
// What holds:
//
//  1. A flag never blocks, never fails and never touches the network. What it
//     answers from is one immutable snapshot of the service's sheet, which is
//     replaced whole: all flags of a service change in one step, and never to
//     an older revision.
//  2. The instance becomes a member under the very sheet that it has applied,
//     and only if no closed gate refuses its version (G2). One that is refused
//     waits, unready, and is admitted without a restart.
//  3. An instance that cannot prove contact within its lease stands at the
//     fence: each feature behaves by its onDisconnect (G4). The lease counts
//     from when the last answered request was sent and is looked at where the
//     flag is used, so a process that was stopped is fenced at its first use. It
//     is reckoned by the boot-time clock where the system has one, so the time
//     for which a machine was suspended counts. A pinned request that relies on
//     an answer which the fence takes back is cancelled, with [ErrFenced].
//  4. A sheet is acked when all that was pinned to older ones has ended and
//     [Client.OnChange] has told of it (G3).
//  5. Without ZooKeeper nothing ends: flags hold or fall to the fence, and the
//     client joins when it can (G7). A start without it answers from the sheet
//     last known, where Config.Snapshot names a file, and says so.
//
// At the fence a feature with the policy accept or stop stands at accept,
// whatever the sheet said, and so does one that the sheet does not name: the
// neighbour of both off and on. With hold it keeps its stage. A feature with the
// policy stop, or one whose constraint this version does not satisfy, makes the
// instance unready there. Before it has ever joined an instance knows the
// policies of its snapshot on disk, and stands at the fence by them. Without one
// it knows none: every feature stands at accept, or at on where the default of
// its handle says so.
//
// A client runs three goroutines, one more with a snapshot, besides those of its
// one ZooKeeper session; no package variable is changed, and importing the
// package does nothing. All methods may be called concurrently.
package sdk

// Package agent moves features. Several agents run; one leads. Every agent
// keeps a view of the registry, fed by watches, and answers reads and takes
// commands from it; only the leader moves features and reaps members.
//
// # How it works
//
// [Agent.Run] keeps a session with ZooKeeper for as long as there is one to be
// had, and tries again with growing pauses when there is none; nothing but its
// context ends it (G7). Within a session a feed reads what changed into the
// mirror, which the API reads, and the campaign follows the election. While
// this agent leads, a term runs: one worker for each feature, one reaper, one
// housekeeper. A worker is a loop of four words: load, plan, commit, wait.
//
// # What it rests on
//
//   - What a worker plans on may be stale and is never torn: a service is read
//     in the order sheet, roster, members, live entries, and the transaction
//     compares the versions of all that was decided on (G1). So the cache makes
//     an agent fast and cannot make it wrong.
//   - A session, a term and a worker are functions with an end. Whatever may
//     happen only within a term takes its context, and every transaction checks
//     the leader's own node (G5).
//   - Nothing is kept on disk and nothing in memory is needed by a successor:
//     since when a member has vanished is each agent's own observation, which
//     can only be later than the truth.
//   - One feature or service that cannot be read stops no other.
package agent

// Package tree is ZooKeeper's data tree as a pure data structure: nodes with
// their stats and access lists, the sessions that own ephemeral nodes, and
// transactions over them. It knows no network, no disk, no clock and no wire
// format.
//
// Everything that changes the tree is a list of [Op], applied by [Tree.Apply]
// as one transaction: all of them or none. The answer says what each op gave,
// what watchers are to be told, and the ops in resolved form (sequence numbers
// drawn, access lists expanded, conditions dropped), which is what a log keeps:
// the same resolved ops under the same [Header] give the same tree again.
//
// Codes, their precedence and every field of [Stat] are those of ZooKeeper 3.8.
//
// A Tree is for one goroutine at a time; what it returns is never changed
// afterwards and may be kept.
package tree

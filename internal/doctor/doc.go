// Package doctor judges an installation: what is found of the agents, of
// ZooKeeper and of the registry becomes a list of checks, each with what was
// found and what to do about it.
//
// All of it is pure: whoever asks the agents hands the answers in as [Facts], and
// [Examine] returns the same checks for the same facts. A check that needs facts
// which could not be had says so, and never passes for want of them.
package doctor

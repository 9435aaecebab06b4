// Package jute reads and writes the few types of ZooKeeper's wire format:
// big-endian integers, and strings, buffers and vectors that carry their length
// before them.
//
// What is read may come from anyone: a [Reader] never panics, never allocates
// more than the input could hold, and keeps its first error, so that a record
// is read field by field and checked once at the end.
package jute

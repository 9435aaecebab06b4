// Package txnlog keeps a tree on disk: a snapshot, and a log of the
// transactions since. Every record carries its length and checksum. A record
// that was being written when the process died is cut off at the next start;
// everything that [Log.Sync] has confirmed is there.
//
// The directory holds snapshot.N and log.N, where N is the hexadecimal zxid
// that the file begins after. A snapshot is written under another name, synced
// and renamed, before the logs that it replaces are removed, so at every moment
// one complete snapshot (or none, at the very beginning) and all logs after it
// are there.
package txnlog

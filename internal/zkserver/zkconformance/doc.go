// Package zkconformance holds a server of ZooKeeper's protocol against
// ZooKeeper 3.8. Each case is a conversation; what the server says, down to
// result codes, stat fields, names of sequential nodes and the order of events
// and answers, becomes a transcript, and the transcript must be the one in
// testdata, letter by letter. The transcripts there were taken from ZooKeeper
// 3.8 itself; the embedded server and every real one are compared with them.
//
// To take them again, run the suite against a real ensemble with
// MUSTER_UPDATE_GOLDEN=1, and read the diff.
//
// Cases speak the protocol packet by packet where the order of packets is the
// point, and use go-zookeeper where a client library is.
package zkconformance

package tree

// Kind says what an [Op] does.
type Kind int32

// The kinds of op. Their numbers are kept in logs.
const (
	Create Kind = iota + 1
	Delete
	SetData
	SetACL
	Check
	DeleteContainer // delete, if it is a container or TTL node without children
	OpenSession
	CloseSession // and delete its ephemeral nodes
)

// Mode is how a node is created.
type Mode int32

// Bits of a Mode; zero is a plain persistent node.
const (
	Ephemeral Mode = 1 << iota
	Sequential
	Container
	TTL // deleted when it has no children and was not written for Op.TTL
)

// Op is one step of a transaction. Which fields matter depends on the kind.
type Op struct {
	Kind    Kind
	Path    string
	Data    []byte // node data; the password of OpenSession
	ACL     []ACL
	Mode    Mode
	Version int32 // the version that must be current; -1 = any
	TTL     int64 // of Mode TTL, in milliseconds: 1 to MaxTTL
	Timeout int32 // of OpenSession, in milliseconds
	Refused Code  // what the caller found wrong with it: its result, unless OK
}

// Result is what one op gave. In a failed transaction the ops before the culprit
// are OK, those after it RuntimeInconsistency.
type Result struct {
	Code Code
	Path string // of Create: the name it got
	Stat Stat   // of Create, SetData, SetACL
}

// EventType is what happened to a node, in ZooKeeper's numbering.
type EventType int32

// The events of a node.
const (
	NodeCreated EventType = iota + 1
	NodeDeleted
	NodeDataChanged
	NodeChildrenChanged
)

// Event is something a watcher is told.
type Event struct {
	Type EventType
	Path string
}

// Header stamps a transaction.
type Header struct {
	Zxid int64
	Time int64 // milliseconds since 1970
}

// Txn is a transaction in resolved form: see [Tree.Redo].
type Txn struct {
	Header
	Session int64
	Ops     []Op
}

// Outcome is what [Tree.Apply] did.
type Outcome struct {
	OK      bool     // applied; otherwise the tree is as it was
	Results []Result // one for each op
	Events  []Event  // in order; none if not applied
	Txn     Txn      // what to log; meaningless if not applied
}

// Stat is what ZooKeeper tells of a node, in the order of the wire format.
type Stat struct {
	Czxid, Mzxid, Ctime, Mtime  int64
	Version, Cversion, Aversion int32
	EphemeralOwner              int64
	DataLength, NumChildren     int32
	Pzxid                       int64
}

// MaxTTL is the longest life of a node without writes, in milliseconds.
const MaxTTL int64 = 1<<40 - 1

// Session is the durable part of a session.
type Session struct {
	ID       int64
	Timeout  int32 // milliseconds
	Password []byte
}

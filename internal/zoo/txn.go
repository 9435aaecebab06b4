package zoo

import (
	"fmt"

	"github.com/go-zookeeper/zk"
)

// AnyVersion as the version of a Set, Check or Delete accepts every version.
const AnyVersion int32 = -1

// Kind is what one operation of a transaction does.
type Kind uint8

// The kinds of operations.
const (
	OpCheck Kind = iota
	OpSet
	OpCreate
	OpDelete
)

// String is the verb in lower case.
func (k Kind) String() string {
	switch k {
	case OpCheck:
		return "check"
	case OpSet:
		return "set"
	case OpCreate:
		return "create"
	case OpDelete:
		return "delete"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Mode is what kind of node is created. An ephemeral one goes when its session
// ends; a sequential one has ten digits appended to its name.
type Mode uint8

// The modes. Their values are ZooKeeper's.
const (
	Persistent Mode = iota
	Ephemeral
	PersistentSequential
	EphemeralSequential
)

// Op is one operation of a transaction.
type Op struct {
	Kind    Kind
	Path    string
	Data    []byte // of Set and Create
	Version int32  // of Check, Set and Delete
	Mode    Mode   // of Create
}

// Txn collects operations that are applied all together or not at all. The zero
// value is an empty one. It is a value: a copy may be extended on its own only
// if the original is not.
type Txn struct{ ops []Op }

// Check expects the node to exist and to be at the version.
func (t *Txn) Check(path string, version int32) {
	t.ops = append(t.ops, Op{Kind: OpCheck, Path: path, Version: version})
}

// Set replaces the data of a node that is at the version. The data must not be
// changed before Commit has returned.
func (t *Txn) Set(path string, data []byte, version int32) {
	t.ops = append(t.ops, Op{Kind: OpSet, Path: path, Data: data, Version: version})
}

// Create makes a node whose parent exists. The data must not be changed before
// Commit has returned.
func (t *Txn) Create(path string, data []byte, mode Mode) {
	t.ops = append(t.ops, Op{Kind: OpCreate, Path: path, Data: data, Mode: mode})
}

// Delete removes a node that is at the version and has no children.
func (t *Txn) Delete(path string, version int32) {
	t.ops = append(t.ops, Op{Kind: OpDelete, Path: path, Version: version})
}

// Ops are the operations in order; the slice must not be changed.
func (t *Txn) Ops() []Op { return t.ops }

// Len is the number of operations.
func (t *Txn) Len() int { return len(t.ops) }

// encode gives the operations as the library takes them, and the size of the
// request in bytes.
func (t *Txn) encode(acl func(path string) []ACL) ([]any, int, error) {
	const requestHeader, opHeader, field = 8, 9, 4
	size := requestHeader + opHeader // the second closes the list
	ops := make([]any, 0, len(t.ops))
	for _, op := range t.ops {
		if err := checkPath(op.Path); err != nil {
			return nil, 0, fmt.Errorf("%s %q: %w", op.Kind, op.Path, err)
		}
		size += opHeader + field + len(op.Path) + field
		switch op.Kind {
		case OpCheck:
			ops = append(ops, &zk.CheckVersionRequest{Path: op.Path, Version: op.Version})
		case OpDelete:
			ops = append(ops, &zk.DeleteRequest{Path: op.Path, Version: op.Version})
		case OpSet:
			size += field + len(op.Data)
			ops = append(ops, &zk.SetDataRequest{Path: op.Path, Data: op.Data, Version: op.Version})
		case OpCreate:
			acls, bytes := encodeACL(acl, op.Path)
			size += field + len(op.Data) + bytes
			ops = append(ops, &zk.CreateRequest{Path: op.Path, Data: op.Data, Acl: acls, Flags: int32(op.Mode)})
		}
	}
	return ops, size, nil
}

// encodeACL gives the permissions of a node, and their size in bytes.
func encodeACL(acl func(path string) []ACL, path string) ([]zk.ACL, int) {
	var given []ACL
	if acl != nil {
		given = acl(path)
	}
	if len(given) == 0 {
		given = []ACL{{Perms: PermAll, Scheme: "world", ID: "anyone"}}
	}
	acls, size := make([]zk.ACL, len(given)), 4
	for i, a := range given {
		acls[i] = zk.ACL{Perms: int32(a.Perms), Scheme: a.Scheme, ID: a.ID}
		size += 12 + len(a.Scheme) + len(a.ID)
	}
	return acls, size
}

package tree

import "strconv"

// Code is a result in ZooKeeper's numbering; OK is zero.
type Code int32

// The codes that a server sends.
const (
	OK                      Code = 0
	RuntimeInconsistency    Code = -2
	MarshallingError        Code = -5
	Unimplemented           Code = -6
	BadArguments            Code = -8
	NoNode                  Code = -101
	NoAuth                  Code = -102
	BadVersion              Code = -103
	NoChildrenForEphemerals Code = -108
	NodeExists              Code = -110
	NotEmpty                Code = -111
	SessionExpired          Code = -112
	InvalidACL              Code = -114
	AuthFailed              Code = -115
	NoWatcher               Code = -121
	ReconfigDisabled        Code = -123
	QuotaExceeded           Code = -125
)

// String names the code as ZooKeeper's documentation does.
func (c Code) String() string {
	switch c {
	case OK:
		return "ok"
	case RuntimeInconsistency:
		return "runtime inconsistency"
	case MarshallingError:
		return "marshalling error"
	case Unimplemented:
		return "unimplemented"
	case BadArguments:
		return "bad arguments"
	case NoNode:
		return "no node"
	case NoAuth:
		return "no auth"
	case BadVersion:
		return "bad version"
	case NoChildrenForEphemerals:
		return "no children for ephemerals"
	case NodeExists:
		return "node exists"
	case NotEmpty:
		return "not empty"
	case SessionExpired:
		return "session expired"
	case InvalidACL:
		return "invalid acl"
	case AuthFailed:
		return "auth failed"
	case NoWatcher:
		return "no watcher"
	case QuotaExceeded:
		return "quota exceeded"
	case ReconfigDisabled:
		return "reconfig disabled"
	}
	return "code " + strconv.Itoa(int(c))
}

package zkserver

import "strconv"

// opcode is the type of a request.
type opcode int32

const (
	opCreate          opcode = 1
	opDelete          opcode = 2
	opExists          opcode = 3
	opGetData         opcode = 4
	opSetData         opcode = 5
	opGetACL          opcode = 6
	opSetACL          opcode = 7
	opGetChildren     opcode = 8
	opSync            opcode = 9
	opPing            opcode = 11
	opGetChildren2    opcode = 12
	opCheck           opcode = 13
	opMulti           opcode = 14
	opCreate2         opcode = 15
	opReconfig        opcode = 16
	opCheckWatches    opcode = 17
	opRemoveWatches   opcode = 18
	opCreateContainer opcode = 19
	opCreateTTL       opcode = 21
	opMultiRead       opcode = 22
	opAuth            opcode = 100
	opSetWatches      opcode = 101
	opGetEphemerals   opcode = 103
	opCountAll        opcode = 104
	opSetWatches2     opcode = 105
	opAddWatch        opcode = 106
	opWhoAmI          opcode = 107
	opCloseSession    opcode = -11
	opError           opcode = -1
)

// The xid of what is not an answer to a numbered request.
const (
	xidEvent int32 = -1
	xidPing  int32 = -2
)

// String names the operation as ZooKeeper does.
func (o opcode) String() string {
	switch o {
	case opCreate:
		return "create"
	case opDelete:
		return "delete"
	case opExists:
		return "exists"
	case opGetData:
		return "getData"
	case opSetData:
		return "setData"
	case opGetACL:
		return "getACL"
	case opSetACL:
		return "setACL"
	case opGetChildren:
		return "getChildren"
	case opSync:
		return "sync"
	case opPing:
		return "ping"
	case opGetChildren2:
		return "getChildren2"
	case opCheck:
		return "check"
	case opMulti:
		return "multi"
	case opCreate2:
		return "create2"
	case opReconfig:
		return "reconfig"
	case opCheckWatches:
		return "checkWatches"
	case opRemoveWatches:
		return "removeWatches"
	case opCreateContainer:
		return "createContainer"
	case opCreateTTL:
		return "createTTL"
	case opMultiRead:
		return "multiRead"
	case opAuth:
		return "auth"
	case opSetWatches:
		return "setWatches"
	case opGetEphemerals:
		return "getEphemerals"
	case opCountAll:
		return "getAllChildrenNumber"
	case opSetWatches2:
		return "setWatches2"
	case opAddWatch:
		return "addWatch"
	case opWhoAmI:
		return "whoAmI"
	case opCloseSession:
		return "closeSession"
	}
	return "op " + strconv.Itoa(int(o))
}

package zkserver

import (
	"encoding/binary"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// frame is one packet for a client: a length and what it says.
type frame struct {
	data []byte // shared between connections; never changed
	zxid int64  // must be on disk before the client sees this
}

// packet makes a frame of what body writes.
func packet(zxid int64, body func(w *jute.Writer)) frame {
	w := jute.NewWriter(make([]byte, 4, 128))
	body(w)
	data := w.Data()
	binary.BigEndian.PutUint32(data, uint32(len(data)-4))
	return frame{data: data, zxid: zxid}
}

// reply makes an answer. Errors have no body.
func reply(xid int32, zxid int64, code tree.Code, body func(w *jute.Writer)) frame {
	return packet(zxid, func(w *jute.Writer) {
		w.Int32(xid)
		w.Int64(zxid)
		w.Int32(int32(code))
		if code == tree.OK && body != nil {
			body(w)
		}
	})
}

// notice makes the packet that tells of an event.
func notice(ev tree.Event, zxid int64) frame {
	const connected = 3
	return packet(zxid, func(w *jute.Writer) {
		w.Int32(xidEvent)
		w.Int64(-1)
		w.Int32(0)
		w.Int32(int32(ev.Type))
		w.Int32(connected)
		w.String(ev.Path)
	})
}

func writeStat(w *jute.Writer, s tree.Stat) {
	w.Int64(s.Czxid)
	w.Int64(s.Mzxid)
	w.Int64(s.Ctime)
	w.Int64(s.Mtime)
	w.Int32(s.Version)
	w.Int32(s.Cversion)
	w.Int32(s.Aversion)
	w.Int64(s.EphemeralOwner)
	w.Int32(s.DataLength)
	w.Int32(s.NumChildren)
	w.Int64(s.Pzxid)
}

func writeACL(w *jute.Writer, list []tree.ACL) {
	w.Int32(int32(len(list)))
	for _, a := range list {
		w.Int32(a.Perms)
		w.String(a.Scheme)
		w.String(a.ID.ID)
	}
}

// writeResult writes what one write gave.
func writeResult(w *jute.Writer, op opcode, res tree.Result) {
	switch op {
	case opCreate:
		w.String(res.Path)
	case opCreate2, opCreateContainer, opCreateTTL:
		w.String(res.Path)
		writeStat(w, res.Stat)
	case opSetData, opSetACL:
		writeStat(w, res.Stat)
	}
}

// writeMultiHeader stands before each result of a multi, and once after all.
func writeMultiHeader(w *jute.Writer, op opcode, done bool, code tree.Code) {
	w.Int32(int32(op))
	w.Bool(done)
	w.Int32(int32(code))
}

func writeMultiError(w *jute.Writer, code tree.Code) {
	writeMultiHeader(w, opError, false, code)
	w.Int32(int32(code))
}

func writeMultiEnd(w *jute.Writer) { writeMultiHeader(w, -1, true, -1) }

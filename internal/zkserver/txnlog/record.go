package txnlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// A record is its length, the CRC-32C of its body, and the body.
const (
	headSize  = 8
	maxRecord = 1 << 28 // far above any transaction, far below a nonsense length
)

var errTorn = errors.New("torn record")

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // cached by crc32

// appendRecord appends what body writes as a record.
func appendRecord(buf []byte, body func(*jute.Writer)) []byte {
	start := len(buf)
	w := jute.NewWriter(append(buf, make([]byte, headSize)...))
	body(w)
	buf = w.Data()
	content := buf[start+headSize:]
	binary.BigEndian.PutUint32(buf[start:], uint32(len(content)))
	binary.BigEndian.PutUint32(buf[start+4:], crc32.Checksum(content, castagnoli()))
	return buf
}

// readRecord returns the next record's body: io.EOF at a clean end, errTorn if
// it is not whole.
func readRecord(r io.Reader) ([]byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errTorn
		}
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxRecord {
		return nil, errTorn
	}
	var read bytes.Buffer // grows with what is there, not with what is said to be
	if _, err := io.CopyN(&read, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errTorn
		}
		return nil, err
	}
	body := read.Bytes()
	if crc32.Checksum(body, castagnoli()) != binary.BigEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	return body, nil
}

func writeTxn(w *jute.Writer, txn tree.Txn) {
	w.Int64(txn.Zxid)
	w.Int64(txn.Time)
	w.Int64(txn.Session)
	w.Int32(int32(len(txn.Ops)))
	for _, op := range txn.Ops {
		w.Int32(int32(op.Kind))
		w.String(op.Path)
		w.Bytes(op.Data)
		writeACL(w, op.ACL)
		w.Int32(int32(op.Mode))
		w.Int32(op.Version)
		w.Int64(op.TTL)
		w.Int32(op.Timeout)
	}
}

func readTxn(body []byte) (tree.Txn, error) {
	r := jute.NewReader(body)
	txn := tree.Txn{Header: tree.Header{Zxid: r.Int64(), Time: r.Int64()}, Session: r.Int64()}
	for range r.Count(36) {
		txn.Ops = append(txn.Ops, tree.Op{
			Kind: tree.Kind(r.Int32()), Path: r.String(), Data: r.Bytes(), ACL: readACL(r),
			Mode: tree.Mode(r.Int32()), Version: r.Int32(), TTL: r.Int64(), Timeout: r.Int32(),
		})
	}
	if err := r.Err(); err != nil {
		return txn, fmt.Errorf("a transaction that is not one: %w", err)
	}
	return txn, nil
}

func writeACL(w *jute.Writer, list []tree.ACL) {
	w.Int32(int32(len(list)))
	for _, a := range list {
		w.Int32(a.Perms)
		w.String(a.Scheme)
		w.String(a.ID.ID)
	}
}

func readACL(r *jute.Reader) []tree.ACL {
	var list []tree.ACL
	for range r.Count(12) {
		list = append(list, tree.ACL{Perms: r.Int32(), ID: tree.ID{Scheme: r.String(), ID: r.String()}})
	}
	return list
}

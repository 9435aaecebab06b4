package jute

import "encoding/binary"

// Writer puts a record together. The zero value is ready; it is for one
// goroutine.
type Writer struct {
	buf []byte
}

// NewWriter appends to b, which may be nil.
func NewWriter(b []byte) *Writer { return &Writer{buf: b} }

// Data returns everything written; it stays valid until the next write.
func (w *Writer) Data() []byte { return w.buf }

// Bool writes a boolean.
func (w *Writer) Bool(v bool) {
	if v {
		w.buf = append(w.buf, 1)
	} else {
		w.buf = append(w.buf, 0)
	}
}

// Int32 writes an int.
func (w *Writer) Int32(v int32) { w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(v)) }

// Int64 writes a long.
func (w *Writer) Int64(v int64) { w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(v)) }

// Bytes writes a buffer; nil is the absent one.
func (w *Writer) Bytes(v []byte) {
	if v == nil {
		w.Int32(-1)
		return
	}
	w.Int32(int32(len(v)))
	w.buf = append(w.buf, v...)
}

// String writes a string.
func (w *Writer) String(v string) {
	w.Int32(int32(len(v)))
	w.buf = append(w.buf, v...)
}

// Strings writes a vector of strings.
func (w *Writer) Strings(v []string) {
	w.Int32(int32(len(v)))
	for _, s := range v {
		w.String(s)
	}
}

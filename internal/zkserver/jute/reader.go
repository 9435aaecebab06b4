package jute

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrShort says that the input ends before the record does.
var ErrShort = errors.New("jute: record is cut short")

// Reader takes a record apart. After an error every method returns a zero
// value; see [Reader.Err]. It is for one goroutine.
type Reader struct {
	rest []byte
	err  error
}

// NewReader reads from b, which it does not change. Nothing it returns shares
// memory with b, so b may be used again afterwards.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Err returns the first error, or nil.
func (r *Reader) Err() error { return r.err }

// Len returns the number of bytes not yet read.
func (r *Reader) Len() int { return len(r.rest) }

// Bool reads a boolean; any byte but zero is true.
func (r *Reader) Bool() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

// Int32 reads an int.
func (r *Reader) Int32() int32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

// Int64 reads a long.
func (r *Reader) Int64() int64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// Bytes reads a buffer into memory of its own. The absent buffer (length -1) is
// nil, the empty one is not.
func (r *Reader) Bytes() []byte {
	n := r.length()
	if n < 0 {
		return nil
	}
	return append(make([]byte, 0, n), r.take(n)...)
}

// String reads a string; the absent one is empty.
func (r *Reader) String() string {
	n := r.length()
	if n < 0 {
		return ""
	}
	return string(r.take(n))
}

// Strings reads a vector of strings.
func (r *Reader) Strings() []string {
	n := r.Count(4)
	list := make([]string, 0, n)
	for range n {
		list = append(list, r.String())
	}
	return list
}

// Count reads the length of a vector whose elements take at least size bytes
// each. The absent vector counts as empty. A count that the rest of the input
// cannot hold is an error and returned as 0, so it is safe to allocate by.
func (r *Reader) Count(size int) int {
	n := int(r.Int32())
	switch {
	case n == -1 || r.err != nil:
		return 0
	case n < 0 || n > len(r.rest)/size:
		r.Fail(fmt.Errorf("jute: a vector of %d in %d bytes", n, len(r.rest)))
		return 0
	}
	return n
}

// length reads the length of a buffer: -1 if absent or after an error.
func (r *Reader) length() int {
	n := int(r.Int32())
	switch {
	case n == -1 || r.err != nil:
		return -1
	case n < 0 || n > len(r.rest):
		r.Fail(fmt.Errorf("jute: a buffer of %d in %d bytes", n, len(r.rest)))
		return -1
	}
	return n
}

// take returns the next n bytes, or nil when there are fewer.
func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.rest) {
		r.Fail(ErrShort)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// Fail makes err the reader's error, if it has none: for what only the caller
// can tell is wrong.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

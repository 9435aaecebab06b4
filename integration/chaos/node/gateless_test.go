package main

import (
	"io"
	"net"
	"sync"
	"testing"
	"testing/iotest"
)

// However what is read is cut into pieces, the word is replaced, nothing else is
// and no byte is lost.
func TestGatelessReplacesAcrossReads(t *testing.T) {
	t.Parallel()
	const sent = `{"a":{"gate":"closed","gate":"open"},"b":{"gate":"clos","gate":"gate":"closed"}}"gate":"cl`
	const want = `{"a":{"gate":"open"  ,"gate":"open"},"b":{"gate":"clos","gate":"gate":"open"  }}"gate":"cl`
	for _, pieces := range []int{1, 2, 3, 7, 14, 15, 16, len(sent)} {
		here, there := net.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() {
			defer there.Close()
			for rest := sent; rest != ""; {
				n := min(pieces, len(rest))
				_, _ = io.WriteString(there, rest[:n])
				rest = rest[n:]
			}
		})
		got, err := io.ReadAll(iotest.OneByteReader(&gateless{Conn: here}))
		wg.Wait()
		if string(got) != want || err != nil {
			t.Errorf("in pieces of %d:\n got %s, %v\nwant %s", pieces, got, err, want)
		}
	}
}

package jute_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/zkserver/jute"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	w := jute.NewWriter(nil)
	w.Bool(true)
	w.Int32(-7)
	w.Int64(1 << 60)
	w.Bytes(nil)
	w.Bytes([]byte{})
	w.Bytes([]byte("data"))
	w.String("")
	w.String("日本")
	w.Strings([]string{"a", "", "b"})
	r := jute.NewReader(w.Data())
	got := []any{r.Bool(), r.Int32(), r.Int64(), r.Bytes(), r.Bytes(), r.Bytes(), r.String(), r.String(), r.Strings()}
	want := []any{true, int32(-7), int64(1 << 60), []byte(nil), []byte{}, []byte("data"), "", "日本", []string{"a", "", "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Err() != nil || r.Len() != 0 {
		t.Errorf("left: %d bytes, %v", r.Len(), r.Err())
	}
}

func TestHostileInputIsAnError(t *testing.T) {
	t.Parallel()
	read := map[string]func(*jute.Reader){
		"bool":    func(r *jute.Reader) { r.Bool() },
		"int32":   func(r *jute.Reader) { r.Int32() },
		"int64":   func(r *jute.Reader) { r.Int64() },
		"bytes":   func(r *jute.Reader) { r.Bytes() },
		"string":  func(r *jute.Reader) { _ = r.String() },
		"strings": func(r *jute.Reader) { r.Strings() },
	}
	for name, f := range read {
		for _, in := range [][]byte{nil, {0x7f, 0xff, 0xff}} {
			if name == "bool" && in != nil {
				continue
			}
			r := jute.NewReader(in)
			f(r)
			if !errors.Is(r.Err(), jute.ErrShort) {
				t.Errorf("%s of % x: %v, want %v", name, in, r.Err(), jute.ErrShort)
			}
		}
	}
	for _, name := range []string{"bytes", "string", "strings"} {
		for _, in := range [][]byte{{0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xfe}, {0, 0, 0, 2, 1}} {
			r := jute.NewReader(in)
			read[name](r)
			if r.Err() == nil {
				t.Errorf("%s of % x: no error", name, in)
			}
		}
	}
}

func TestAnErrorStays(t *testing.T) {
	t.Parallel()
	r := jute.NewReader([]byte{0, 0})
	r.Int32()
	first := r.Err()
	if got := r.Int64(); got != 0 || r.Err() != first || r.Len() != 0 {
		t.Errorf("after an error: %d, %v, %d bytes", got, r.Err(), r.Len())
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("bisBSv"), []byte{1, 0, 0, 0, 2, 'h', 'i'})
	f.Add([]byte("SSS"), []byte{0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})
	f.Add([]byte("vB"), []byte{0, 0, 0, 1, 0, 0, 0, 0, 0x80, 0, 0, 0})
	f.Fuzz(func(t *testing.T, program, input []byte) {
		r := jute.NewReader(input)
		read := 0
		for _, what := range program {
			switch what {
			case 'b':
				r.Bool()
			case 'i':
				r.Int32()
			case 'l':
				r.Int64()
			case 'B':
				read += len(r.Bytes())
			case 'S':
				read += len(r.String())
			case 'v':
				read += len(r.Strings())
			}
		}
		if read > len(input) {
			t.Errorf("%d bytes out of %d", read, len(input))
		}
	})
}

package txnlog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// encode makes a snapshot of a tree: a record with the zxid and the sessions,
// one for each node, and an empty one at the end.
func encode(t *tree.Tree) []byte {
	buf := appendRecord(nil, func(w *jute.Writer) {
		w.Int64(t.Zxid())
		sessions := t.Sessions()
		w.Int32(int32(len(sessions)))
		for _, s := range sessions {
			w.Int64(s.ID)
			w.Int32(s.Timeout)
			w.Bytes(s.Password)
		}
	})
	for e := range t.Entries() {
		buf = appendRecord(buf, func(w *jute.Writer) { writeEntry(w, e) })
	}
	return appendRecord(buf, func(*jute.Writer) {})
}

func writeEntry(w *jute.Writer, e tree.Entry) {
	w.String(e.Path)
	w.Bytes(e.Data)
	writeACL(w, e.ACL)
	w.Int64(e.Stat.Czxid)
	w.Int64(e.Stat.Mzxid)
	w.Int64(e.Stat.Pzxid)
	w.Int64(e.Stat.Ctime)
	w.Int64(e.Stat.Mtime)
	w.Int32(e.Stat.Version)
	w.Int32(e.Stat.Cversion)
	w.Int32(e.Stat.Aversion)
	w.Int64(e.Stat.EphemeralOwner)
}

func readEntry(r *jute.Reader) tree.Entry {
	return tree.Entry{
		Path: r.String(), Data: r.Bytes(), ACL: readACL(r),
		Stat: tree.Stat{
			Czxid: r.Int64(), Mzxid: r.Int64(), Pzxid: r.Int64(), Ctime: r.Int64(), Mtime: r.Int64(),
			Version: r.Int32(), Cversion: r.Int32(), Aversion: r.Int32(), EphemeralOwner: r.Int64(),
		},
	}
}

// load reads a snapshot into a new tree.
func load(path string, t *tree.Tree) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	if err := restore(bufio.NewReaderSize(f, 1<<16), t); err != nil {
		return damaged(path, err)
	}
	return nil
}

// restore reads what encode made into a new tree.
func restore(r io.Reader, t *tree.Tree) error {
	body, err := readRecord(r)
	if err != nil {
		return err
	}
	head := jute.NewReader(body)
	t.Advance(head.Int64())
	for range head.Count(16) {
		t.RestoreSession(tree.Session{ID: head.Int64(), Timeout: head.Int32(), Password: head.Bytes()})
	}
	if err := head.Err(); err != nil {
		return err
	}
	for {
		body, err := readRecord(r)
		if err != nil {
			return err
		}
		if len(body) == 0 {
			return nil
		}
		nr := jute.NewReader(body)
		e := readEntry(nr)
		if err := nr.Err(); err != nil {
			return err
		}
		if !t.Restore(e) {
			return fmt.Errorf("node %q has no parent", e.Path)
		}
	}
}

func damaged(path string, err error) error {
	if errors.Is(err, io.EOF) {
		err = errTorn
	}
	return fmt.Errorf("%s is damaged: %w", path, err)
}

// store writes a snapshot durably: under a temporary name first.
func store(dir, name string, content []byte) error {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // it holds the sessions' passwords
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

package txnlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// Log is an open data directory. [Log.Append] is for one goroutine at a time;
// [Log.Sync] for any.
type Log struct {
	dir   string
	lock  *os.File
	every int
	since int // transactions since the last snapshot; of Append's caller

	mu      sync.Mutex // guards the fields below
	cond    sync.Cond  // synced, writing or err changed
	file    *os.File
	pending []byte // appended, not yet written
	rotate  *rotation
	newest  int64 // zxid of the last transaction appended
	synced  int64 // zxid of the last transaction on disk
	writing bool  // someone is at the disk, with mu released
	err     error // why nothing can be written any more
}

// rotation is a snapshot that is to replace the log once pending is written.
type rotation struct {
	zxid    int64
	content []byte
	rest    []byte // transactions appended after the snapshot
}

// Open reads the directory, made if it is not there, into a new tree. A
// snapshot is taken every so many transactions. The directory is locked against
// a second server until the log is closed or the process ends.
func Open(dir string, t *tree.Tree, every int) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	file, replayed, err := recoverTree(dir, t)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	l := &Log{dir: dir, lock: lock, every: every, since: replayed, file: file, newest: t.Zxid(), synced: t.Zxid()}
	l.cond.L = &l.mu
	return l, nil
}

// Append adds a transaction, in order, and does not touch the disk: see
// [Log.Sync]. The tree, to which it is applied already, is looked at if a
// snapshot is due.
func (l *Log) Append(txn tree.Txn, t *tree.Tree) {
	l.since++
	var snapshot []byte
	if l.since >= l.every {
		l.since = 0
		snapshot = encode(t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	into := &l.pending
	if l.rotate != nil {
		into = &l.rotate.rest
	}
	*into = appendRecord(*into, func(w *jute.Writer) { writeTxn(w, txn) })
	l.newest = txn.Zxid
	if snapshot != nil && l.rotate == nil {
		l.rotate = &rotation{zxid: txn.Zxid, content: snapshot}
	}
}

// Sync returns when the transaction is on disk. Whoever comes while another is
// at the disk waits, and then writes what all the others have appended
// meanwhile: one fsync for many.
func (l *Log) Sync(zxid int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	zxid = min(zxid, l.newest) // ids drawn without a transaction
	for l.synced < zxid && l.err == nil {
		if l.writing {
			l.cond.Wait()
			continue
		}
		l.flushLocked()
	}
	if l.synced >= zxid {
		return nil
	}
	return l.err
}

// flushLocked writes what is pending, without holding the lock meanwhile.
func (l *Log) flushLocked() {
	pending, rotate, newest := l.pending, l.rotate, l.newest
	l.pending, l.rotate = nil, nil
	l.writing = true
	l.mu.Unlock()
	file, err := l.writeOut(l.file, pending, rotate)
	l.mu.Lock()
	l.writing = false
	if err != nil {
		l.err = fmt.Errorf("write the transaction log: %w", err)
	} else {
		l.file, l.synced = file, newest
	}
	l.cond.Broadcast()
}

// writeOut writes pending to the file, and goes on in the next one if a
// snapshot is due.
func (l *Log) writeOut(file *os.File, pending []byte, rotate *rotation) (*os.File, error) {
	if err := writeSync(file, pending); err != nil {
		return file, err
	}
	if rotate == nil {
		return file, nil
	}
	next, err := create(l.dir, rotate.zxid)
	if err != nil {
		return file, err
	}
	err = writeSync(next, rotate.rest)
	err = errors.Join(err, store(l.dir, name(snapshotPrefix, rotate.zxid), rotate.content), file.Close())
	if err == nil {
		err = removeBefore(l.dir, rotate.zxid)
	}
	return next, err
}

func writeSync(f *os.File, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

// create makes the log that begins after zxid.
func create(dir string, zxid int64) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, name(logPrefix, zxid)), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return f, syncDir(dir)
}

// Close writes what is pending and releases the directory.
func (l *Log) Close() error {
	l.mu.Lock()
	newest := l.newest
	l.mu.Unlock()
	err := l.Sync(newest)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil // closed before
	}
	err = errors.Join(err, l.file.Close(), l.lock.Close())
	l.file = nil
	if l.err == nil {
		l.err = os.ErrClosed
	}
	return err
}

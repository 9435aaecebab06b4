package txnlog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/musterhq/muster/internal/zkserver/tree"
)

const (
	snapshotPrefix = "snapshot."
	logPrefix      = "log."
)

// name is fixed in width, so that names sort as the ids do.
func name(prefix string, zxid int64) string { return fmt.Sprintf("%s%016x", prefix, zxid) }

// list returns the ids of the files with a prefix, ascending.
func list(dir, prefix string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		if id, err := strconv.ParseInt(rest, 16, 64); err == nil { // else: unfinished, or not ours
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// recoverTree reads the newest snapshot and the logs after it, and returns the
// file to go on in and the number of transactions that were in the logs.
func recoverTree(dir string, t *tree.Tree) (*os.File, int, error) {
	snapshots, err := list(dir, snapshotPrefix)
	if err != nil {
		return nil, 0, err
	}
	if len(snapshots) > 0 {
		if err := load(filepath.Join(dir, name(snapshotPrefix, snapshots[len(snapshots)-1])), t); err != nil {
			return nil, 0, err
		}
	}
	logs, err := list(dir, logPrefix)
	if err != nil {
		return nil, 0, err
	}
	if len(logs) == 0 {
		f, err := create(dir, t.Zxid())
		return f, 0, err
	}
	total := 0
	for i, id := range logs {
		n, err := replay(filepath.Join(dir, name(logPrefix, id)), t, i == len(logs)-1)
		if err != nil {
			return nil, 0, err
		}
		total += n
	}
	f, err := create(dir, logs[len(logs)-1]) // which is there: append to it
	return f, total, err
}

// replay applies the transactions of a log that the tree has not seen. The end
// of the last log may be torn by a crash: what was never confirmed is cut off.
func replay(path string, t *tree.Tree, last bool) (n int, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, good, err := redo(bufio.NewReaderSize(f, 1<<16), t)
	switch {
	case errors.Is(err, errTorn) && last:
		return n, errors.Join(f.Truncate(good), f.Sync())
	case err != nil:
		return n, damaged(path, err)
	}
	return n, nil
}

// redo applies the transactions that the tree has not seen, and returns how many
// there were and how many bytes were whole records, until the end or an error.
func redo(r io.Reader, t *tree.Tree) (n int, good int64, err error) {
	for {
		body, err := readRecord(r)
		if errors.Is(err, io.EOF) {
			return n, good, nil
		}
		if err != nil {
			return n, good, err
		}
		txn, err := readTxn(body)
		if err != nil {
			return n, good, err
		}
		good += int64(headSize + len(body))
		if txn.Zxid <= t.Zxid() {
			continue // in the snapshot
		}
		if err := t.Redo(txn); err != nil {
			return n, good, err
		}
		n++
	}
}

// removeBefore removes what a snapshot has replaced.
func removeBefore(dir string, zxid int64) error {
	var errs []error
	for _, prefix := range []string{snapshotPrefix, logPrefix} {
		ids, err := list(dir, prefix)
		errs = append(errs, err)
		for _, id := range ids {
			if id < zxid {
				errs = append(errs, os.Remove(filepath.Join(dir, name(prefix, id))))
			}
		}
	}
	return errors.Join(errs...)
}

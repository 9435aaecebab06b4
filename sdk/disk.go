package sdk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// readFile reads a small file of this user's own. What it does not take may be a
// trap, such as a pipe that would block, or a file that others may write.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := own(info); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noTrap, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := own(info); err != nil { // it was replaced meanwhile
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return data, err
}

// own refuses what is no plain file, and one that others may write: by its
// permissions, or because it is theirs.
func own(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return fmt.Errorf("it is no plain file (%s)", mode)
	case mode.Perm()&0o022 != 0 && runtime.GOOS != "windows": // which has other permissions
		return fmt.Errorf("others may write it (%s): chmod 600", mode)
	case foreign(info):
		return errors.New("it belongs to another user, who may write it")
	}
	return nil
}

// leftover is how old a temporary file is that nobody is writing any more.
const leftover = time.Hour

// replaceFile replaces a file, so that whoever reads it at any time, even after a
// crash of the machine, reads the old one or the new one, whole.
func replaceFile(path string, data []byte) (err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return own(info) // it is left alone
	}
	dir, name := filepath.Split(path)
	f, err := os.CreateTemp(dir, temporary(name, "*")) // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // once more where it was closed already
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(dir)
}

// syncFolder has the folder itself survive a crash of the machine.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such thing
	}
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sweep removes what a process that was killed left beside the file.
func sweep(path string) {
	dir, name := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return // who writes there will say so
	}
	head, tail, _ := strings.Cut(temporary(name, "*"), "*")
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftover &&
			strings.HasPrefix(e.Name(), head) && strings.HasSuffix(e.Name(), tail) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

func temporary(name, drawn string) string { return "." + name + "." + drawn + ".new" }

// reason is why a file operation went wrong, without the name of the file.
func reason(err error) string {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Op + ": " + path.Err.Error()
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		return link.Op + ": " + link.Err.Error()
	}
	return err.Error()
}

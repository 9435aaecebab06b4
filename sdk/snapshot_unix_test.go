//go:build unix

package sdk_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// A snapshot that is not to be trusted is ignored, with a warning that names the
// file and the cause. What is no plain file is left alone; anything else is
// replaced by the next sheet.
func TestCase28SnapshotIsIgnored(t *testing.T) {
	t.Parallel()
	write := func(edit func(data []byte) []byte) func(t *testing.T, path string, data []byte) {
		return func(t *testing.T, path string, data []byte) {
			if err := os.WriteFile(path, edit(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace := func(old, with string) func(t *testing.T, path string, data []byte) {
		return write(func(data []byte) []byte {
			if !bytes.Contains(data, []byte(old)) {
				t.Errorf("there is no %s in %s", old, data)
			}
			return bytes.Replace(data, []byte(old), []byte(with), 1)
		})
	}
	for name, tc := range map[string]struct {
		spoil  func(t *testing.T, path string, data []byte)
		edit   func(*sdk.Config)
		cause  string
		stays  bool
		asRoot bool // it is no hindrance to root
		byRoot bool // nobody else can bring it about
	}{
		"empty":              {spoil: write(func([]byte) []byte { return nil }), cause: "it is not a snapshot"},
		"something else":     {spoil: write(func([]byte) []byte { return []byte("{}") }), cause: "it is not a snapshot"},
		"truncated":          {spoil: write(func(d []byte) []byte { return d[:len(d)-1] }), cause: "its checksum is wrong"},
		"head alone":         {spoil: write(func(d []byte) []byte { return d[:20] }), cause: "its checksum is wrong"},
		"damaged":            {spoil: replace(`"stage":"on"`, `"stage":"of"`), cause: "its checksum is wrong"},
		"longer":             {spoil: write(func(d []byte) []byte { return append(d, ' ') }), cause: "its checksum is wrong"},
		"newer format":       {spoil: replace("muster-snapshot 1 ", "muster-snapshot 2 "), cause: "it is of format"},
		"huge":               {spoil: write(func([]byte) []byte { return make([]byte, 3<<20) }), cause: "it is larger than"},
		"of another service": {spoil: write(bytes.Clone), edit: func(c *sdk.Config) { c.Service = "shipping" }, cause: "it is of another service, checkout"},
		"of another root":    {spoil: write(bytes.Clone), edit: func(c *sdk.Config) { c.Root = "/staging" }, cause: "it is of another root"},
		"writable by others": {spoil: func(t *testing.T, path string, data []byte) {
			write(bytes.Clone)(t, path, data)
			if err := os.Chmod(path, 0o602); err != nil {
				t.Fatal(err)
			}
		}, cause: "others may write it"},
		"of another user": {spoil: func(t *testing.T, path string, data []byte) {
			write(bytes.Clone)(t, path, data)
			if err := os.Chown(path, 54321, -1); err != nil {
				t.Fatal(err)
			}
		}, cause: "it belongs to another user", byRoot: true},
		"unreadable": {spoil: func(t *testing.T, path string, data []byte) {
			write(bytes.Clone)(t, path, data)
			if err := os.Chmod(path, 0); err != nil {
				t.Fatal(err)
			}
		}, cause: "permission denied", asRoot: true},
		"a folder": {spoil: func(t *testing.T, path string, _ []byte) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, cause: "it is no plain file", stays: true},
		"a link": {spoil: func(t *testing.T, path string, data []byte) {
			write(bytes.Clone)(t, path+".target", data)
			if err := os.Symlink(path+".target", path); err != nil {
				t.Fatal(err)
			}
		}, cause: "it is no plain file", stays: true},
		"a pipe": {spoil: func(t *testing.T, path string, _ []byte) {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, cause: "it is no plain file", stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.asRoot && os.Geteuid() == 0 {
				t.Log("root reads it all the same: not tried")
				return
			}
			if tc.byRoot && os.Geteuid() != 0 {
				t.Log("only root gives files away: not tried")
				return
			}
			path := filepath.Join(t.TempDir(), "snapshot")
			inWorld(t, func(w *world) {
				held := entry(sdk.On, 1)
				held.OnDisconnect = muster.Hold
				first := w.open("2.0.0", keeping(path))
				w.kept(path, w.put(held))
				first.Close()
				data, err := os.ReadFile(path)
				if err != nil || os.Remove(path) != nil {
					t.Fatal(err)
				}
				tc.spoil(t, path, data)

				var book logBook
				p := w.cold("2.0.0", keeping(path), func(c *sdk.Config) {
					c.Logger = book.logger()
					if tc.edit != nil {
						tc.edit(c)
					}
				})
				if d := p.flag.Explain(w.Context()); d.Stage != sdk.Accept || d.Reason != sdk.ReasonNotJoined || d.Revision != -1 {
					t.Errorf("it answers %+v, want that nothing is known", d)
				}
				if len(book.told(path, tc.cause)) != 1 {
					t.Errorf("it warned %q, want of %s: %s", book.lines, path, tc.cause)
				}
				p.heal()
				w.within(time.Minute, "joined", func() bool { return p.Status().State == sdk.Live })
				if tc.stays {
					time.Sleep(5 * time.Second)
					if info, err := os.Lstat(path); err != nil || info.Mode().IsRegular() {
						t.Errorf("it is %v now, %v", info, err)
					}
					if len(book.told(path, tc.cause, "could not be written")) != 1 {
						t.Errorf("it warned %q, want that it could not be written", book.lines)
					}
					return
				}
				w.kept(path, p.Status().Revision)
				if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
					t.Errorf("replaced it is %v, %v", info.Mode(), err)
				}
				if !strings.HasPrefix(readSnapshot(path).Service, p.Instance().Service) {
					t.Errorf("it is of %s", readSnapshot(path).Service)
				}
			})
		})
	}
}

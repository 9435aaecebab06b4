//go:build !unix

package txnlog

import (
	"os"
	"path/filepath"
)

// lockDir cannot lock here: who starts two servers on one directory is not
// stopped.
func lockDir(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
}

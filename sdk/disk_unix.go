//go:build unix

package sdk

import (
	"io/fs"
	"os"
	"syscall"
)

// noTrap: do not follow a link, nor wait for the other end of a pipe.
const noTrap = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// foreign reports whether a file belongs to somebody who is neither this user
// nor root, and who so may write it whatever its permissions.
func foreign(info fs.FileInfo) bool {
	stat, known := info.Sys().(*syscall.Stat_t)
	return known && stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
}

package tree

import "strings"

// Parent returns the path above an absolute path; that of the root is the root.
func Parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

// split returns the parent and the last element. It is lenient as ZooKeeper is:
// the path need not be valid, only contain a slash.
func split(path string) (parent, name string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 || strings.IndexByte(path, 0) >= 0 {
		return "", "", false
	}
	return Parent(path), path[i+1:], true
}

// ValidPath reports whether ZooKeeper would let a node have this path:
// absolute, no empty, "." or ".." elements, no control characters, surrogates,
// private use or specials.
func ValidPath(path string) bool {
	if path == "/" {
		return true
	}
	if path == "" || path[0] != '/' {
		return false
	}
	for name := range strings.SplitSeq(path[1:], "/") {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	for _, c := range path {
		switch {
		case c <= 0x1f, 0x7f <= c && c <= 0x9f, 0xd800 <= c && c <= 0xf8ff, c >= 0xfff0:
			// Java counts in UTF-16, so all beyond U+FFFF are surrogates to it.
			return false
		}
	}
	return true
}

// protected reports whether a path is part of the server and cannot be deleted.
func protected(path string) bool {
	switch path {
	case "/", systemPath, quotaPath, configPath:
		return true
	}
	return false
}

const (
	systemPath = "/zookeeper"
	quotaPath  = "/zookeeper/quota"
	configPath = "/zookeeper/config"
)

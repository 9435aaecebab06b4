package zkserver

import (
	"fmt"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// What one request may hold beside its size, and one connection beside its
// watches. ZooKeeper knows no such limits; no honest client comes near them.
const (
	maxPath       = 4 << 10 // bytes of a path
	maxACL        = 64      // entries of an access list
	maxACLBytes   = 8 << 10 // of their texts
	maxIdentities = 16      // that a connection has proved, its address included
)

// readPath reads a path. A longer one could be watched, and be kept as often.
func readPath(r *jute.Reader) string {
	path := r.String()
	if len(path) > maxPath {
		r.Fail(fmt.Errorf("a path of %d bytes (allowed: %d)", len(path), maxPath))
		return ""
	}
	return path
}

// readACL reads an access list, which is kept with its node and compared with
// itself.
func readACL(r *jute.Reader) []tree.ACL {
	n, size := r.Count(12), 0
	if n > maxACL {
		r.Fail(fmt.Errorf("an access list of %d entries (allowed: %d)", n, maxACL))
		return nil
	}
	list := make([]tree.ACL, 0, n)
	for range n {
		a := tree.ACL{Perms: r.Int32(), ID: tree.ID{Scheme: r.String(), ID: r.String()}}
		if size += len(a.Scheme) + len(a.ID.ID); size > maxACLBytes {
			r.Fail(fmt.Errorf("an access list of more than %d bytes", maxACLBytes))
			return nil
		}
		list = append(list, a)
	}
	return list
}

// rationLocked marks what would grow the tree beyond its bounds as refused.
func (s *Server) rationLocked(ops []tree.Op) {
	nodes, bytes := s.tree.Weight()
	for i, op := range ops {
		switch op.Kind {
		case tree.Create:
			nodes++
			bytes += int64(len(op.Path) + len(op.Data))
		case tree.SetData:
			stat, _ := s.tree.Stat(op.Path)
			bytes += int64(len(op.Data)) - int64(stat.DataLength)
		default: // nothing else makes it larger
			continue
		}
		if op.Refused == tree.OK && (nodes > s.cfg.MaxNodes || bytes > s.cfg.MaxBytes) {
			s.cfg.Logger("zkserver: refused a write: the tree is full (%d nodes, %d bytes)", s.cfg.MaxNodes, s.cfg.MaxBytes)
			ops[i].Refused = tree.QuotaExceeded
			return
		}
	}
}

// weightLocked is about how many bytes the answer to a read takes.
func (s *Server) weightLocked(q *request) int {
	const head = 100
	if q.op == opGetData {
		stat, _ := s.tree.Stat(q.path)
		return head + int(stat.DataLength)
	}
	return head + s.tree.NamesSize(q.path)
}

package zkserver

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// A handler answers one packet. It reports whether the client may send more; an
// error closes the connection with nothing said.
type handler func(packet []byte) (more bool, err error)

var (
	errRefused  = errors.New("refused")
	errDetached = errors.New("its session has ended or moved to another connection")
)

// connect answers the first packet: it opens a session or attaches to one.
func (c *conn) connect(packet []byte) (bool, error) {
	r := jute.NewReader(packet)
	r.Int32() // protocol version
	seen, timeout, id, password := r.Int64(), r.Int32(), r.Int64(), r.Bytes()
	modern := r.Len() > 0 // a client that knows of read-only mode, and says so
	if err := r.Err(); err != nil {
		return false, fmt.Errorf("connect request: %w", err)
	}
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen > s.tree.Zxid() {
		return false, fmt.Errorf("%w: client has seen 0x%x, we are at 0x%x", errRefused, seen, s.tree.Zxid())
	}
	granted := s.cfg.grant(time.Duration(timeout) * time.Millisecond)
	var ss *session
	if id == 0 {
		if len(s.sessions.byID) >= s.cfg.MaxSessions {
			return false, fmt.Errorf("%w: %d sessions live", errRefused, s.cfg.MaxSessions)
		}
		ss, password = s.openLocked(granted)
	} else if ss = s.attachableLocked(id, password); ss != nil {
		s.sessions.retime(ss, granted, time.Now())
	}
	if ss != nil {
		ss.conn, c.session, id = c, ss, ss.id
		c.claim.Store(id)
	} else { // expired: the client learns it from zeros
		granted, id, password = 0, 0, make([]byte, 16)
	}
	c.send(connected(s.tree.Zxid(), granted, id, password, modern))
	return ss != nil, nil
}

// claimed returns the session that a connect request asks for, 0 if it is a new
// one.
func claimed(packet []byte) int64 {
	r := jute.NewReader(packet)
	r.Int32()
	r.Int64()
	r.Int32()
	return r.Int64()
}

// attachableLocked returns the session if it lives and the password is its own.
// Its client is here now, so the connection before is closed; as in ZooKeeper
// even if it then turns out to be someone else who asks.
func (s *Server) attachableLocked(id int64, password []byte) *session {
	durable, ok := s.tree.Session(id)
	ss := s.sessions.byID[id]
	if !ok || ss == nil {
		return nil
	}
	if ss.conn != nil {
		ss.conn.drop()
		ss.conn = nil
	}
	if subtle.ConstantTimeCompare(durable.Password, password) == 0 {
		return nil
	}
	return ss
}

func connected(zxid int64, timeout time.Duration, id int64, password []byte, modern bool) frame {
	return packet(zxid, func(w *jute.Writer) {
		w.Int32(0)
		w.Int32(int32(timeout.Milliseconds()))
		w.Int64(id)
		w.Bytes(password)
		if modern {
			w.Bool(false) // not read-only
		}
	})
}

// grant bounds the timeout that a client asks for.
func (c *Config) grant(asked time.Duration) time.Duration {
	return min(max(asked, c.MinSessionTimeout), c.MaxSessionTimeout)
}

// request answers a packet of an attached client.
func (c *conn) request(packet []byte) (bool, error) {
	q, err := parseRequest(packet)
	if err != nil && len(packet) < 8 {
		return false, err // not even a header
	}
	verdict := c.srv.faults.judge(c, &q)
	if verdict.Delay > 0 {
		c.srv.sleep(verdict.Delay)
	}
	switch verdict.Do {
	case DropBefore:
		return false, nil
	case Mute:
		c.mute.Store(true)
		return true, nil
	case DropAfter, MuteAfter:
		c.mute.Store(true) // its answer included
		c.answer(&q, err)
		return verdict.Do == MuteAfter, nil
	}
	more := c.answer(&q, err)
	return more, c.ended(more)
}

// ended is the error that closes a connection whose session is no longer its
// own, if it would go on.
func (c *conn) ended(more bool) error {
	if !more {
		return nil
	}
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	if c.session != nil && c.session.conn != c {
		return errDetached
	}
	return nil
}

// answer carries out a request. All that clients see of one another happens
// under the lock, and so does queueing: this is what orders events and answers.
func (c *conn) answer(q *request, malformed error) (more bool) {
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.session.conn != c {
		return true
	}
	s.sessions.touch(c.session, time.Now())
	if malformed != nil {
		s.cfg.Logger("zkserver: %s: %v", c.nc.RemoteAddr(), malformed)
		c.send(reply(q.xid, s.tree.Zxid(), tree.MarshallingError, nil))
		return true
	}
	switch q.op {
	case opAuth:
		return c.authLocked(q)
	case opPing:
		c.send(reply(xidPing, s.tree.Zxid(), tree.OK, nil))
		return true
	case opCloseSession:
		ss := c.session
		ss.conn = nil // the answer is still to go out
		s.endLocked(ss)
		c.send(reply(q.xid, s.tree.Zxid(), tree.OK, nil))
		return false
	}
	var code tree.Code
	var body func(*jute.Writer)
	if len(q.ops) > 0 || q.op == opMulti {
		code, body = c.writeLocked(q)
	} else if code, body = c.readLocked(q); code == tree.Unimplemented {
		c.send(reply(q.xid, 0, code, nil))
		return false // as ZooKeeper does: this client speaks another protocol
	}
	c.send(reply(q.xid, s.tree.Zxid(), code, body))
	return true
}

func (c *conn) actorLocked() tree.Actor { return tree.Actor{Session: c.session.id, IDs: c.ids} }

// writeLocked carries out whatever changes the tree.
func (c *conn) writeLocked(q *request) (tree.Code, func(*jute.Writer)) {
	c.srv.rationLocked(q.ops)
	out := c.srv.commitLocked(c.actorLocked(), q.ops...)
	if q.op != opMulti {
		res := out.Results[0]
		return res.Code, func(w *jute.Writer) { writeResult(w, q.op, res) }
	}
	return tree.OK, func(w *jute.Writer) {
		for i, res := range out.Results {
			if !out.OK {
				writeMultiError(w, res.Code)
				continue
			}
			op := q.subs[i].op
			if op == opCreateContainer || op == opCreateTTL {
				op = opCreate2 // what ZooKeeper calls all results with a stat
			}
			writeMultiHeader(w, op, false, tree.OK)
			writeResult(w, op, res)
		}
		writeMultiEnd(w)
	}
}

// authLocked adds an identity. Who fails to prove one is told so, and leaves.
func (c *conn) authLocked(q *request) bool {
	id := tree.ID{Scheme: q.scheme}
	switch q.scheme {
	case "digest":
		id.ID = digest(q.secret)
	case "ip":
		id.ID = remoteIP(c.nc)
	default:
		c.send(reply(q.xid, 0, tree.AuthFailed, nil))
		return false
	}
	switch {
	case slices.Contains(c.ids, id):
	case len(c.ids) >= maxIdentities:
		c.send(reply(q.xid, 0, tree.AuthFailed, nil))
		return false
	default:
		c.ids = append(c.ids[:len(c.ids):len(c.ids)], id)
	}
	c.send(reply(q.xid, 0, tree.OK, nil))
	return true
}

// digest is the identity of "user:password", as ZooKeeper's digest scheme has
// it. The hash is the protocol's; it protects nothing against guessing.
func digest(secret []byte) string {
	user, _, _ := bytes.Cut(secret, []byte(":"))
	sum := sha1.Sum(secret)
	return string(user) + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// account is the part of an identity that whoAmI shows.
func account(id tree.ID) string {
	if id.Scheme != "digest" {
		return id.ID
	}
	user, _, _ := strings.Cut(id.ID, ":")
	return user
}

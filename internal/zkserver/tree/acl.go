package tree

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Permissions of an [ACL], as bits.
const (
	PermRead int32 = 1 << iota
	PermWrite
	PermCreate
	PermDelete
	PermAdmin
	PermAll int32 = 1<<iota - 1
)

// ID is an identity, such as digest "user:hash" or ip "10.0.0.7".
type ID struct {
	Scheme, ID string
}

// ACL grants permissions to whoever matches an ID.
type ACL struct {
	Perms int32
	ID
}

// Actor is who asks for a transaction.
type Actor struct {
	Session int64 // owner of the ephemeral nodes it creates
	IDs     []ID  // what it has proved to be
	Trusted bool  // the server itself: no access list applies
}

var openACL = []ACL{{PermAll, ID{"world", "anyone"}}} // immutable

// expand checks a list as a client wrote it and replaces "auth" by the actor's
// proved identities.
func expand(list []ACL, who Actor) ([]ACL, Code) {
	var out []ACL
	for i, a := range list {
		if slices.Contains(list[:i], a) {
			continue
		}
		switch {
		case a.Scheme == "world" && a.ID.ID == "anyone":
			out = append(out, a)
		case a.Scheme == "auth":
			before := len(out)
			for _, id := range who.IDs {
				if id.Scheme == "digest" { // an address is known, not proved
					out = append(out, ACL{a.Perms, id})
				}
			}
			if len(out) == before {
				return nil, InvalidACL
			}
		case a.Scheme == "digest" && validDigest(a.ID.ID), a.Scheme == "ip" && validIP(a.ID.ID):
			out = append(out, a)
		default:
			return nil, InvalidACL
		}
	}
	if len(out) == 0 {
		return nil, InvalidACL
	}
	if slices.Equal(out, openACL) {
		return openACL, OK // by far the most: keep one
	}
	return out, OK
}

// permits reports whether the list grants any of the permissions.
func permits(list []ACL, perm int32, who Actor) bool {
	if who.Trusted || len(list) == 0 {
		return true
	}
	for _, a := range list {
		if a.Perms&perm == 0 {
			continue
		}
		if a.Scheme == "world" && a.ID.ID == "anyone" {
			return true
		}
		if slices.ContainsFunc(who.IDs, func(id ID) bool { return matches(id, a.ID) }) {
			return true
		}
	}
	return false
}

func matches(id, pattern ID) bool {
	if id.Scheme != pattern.Scheme {
		return false
	}
	if id.Scheme != "ip" {
		return id.ID == pattern.ID
	}
	addr, err := netip.ParseAddr(id.ID)
	prefix, ok := ipPrefix(pattern.ID)
	return err == nil && ok && prefix.Contains(addr)
}

// validDigest wants "user:hash" with a hash and nothing after it.
func validDigest(id string) bool {
	_, hash, ok := strings.Cut(id, ":")
	return ok && hash != "" && !strings.Contains(strings.TrimRight(hash, ":"), ":") && hash[0] != ':'
}

func validIP(id string) bool {
	_, ok := ipPrefix(id)
	return ok
}

// ipPrefix reads "10.0.0.7" or "10.0.0.0/8". Like ZooKeeper 3.8 it knows only
// IPv4.
func ipPrefix(id string) (netip.Prefix, bool) {
	host, length, ranged := strings.Cut(id, "/")
	bits := 32
	if ranged {
		n, err := strconv.Atoi(length)
		if err != nil {
			return netip.Prefix{}, false
		}
		bits = n
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Is4() || bits < 0 || bits > 32 {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, bits), true
}

package store

import (
	"strconv"
	"strings"

	"github.com/musterhq/muster"
)

// paths names every znode below one root.
type paths struct{ root string }

func (p paths) agents() string            { return p.root + "/agents" }
func (p paths) agent(node string) string  { return p.agents() + "/" + node }
func (p paths) features() string          { return p.root + "/features" }
func (p paths) feature(key string) string { return p.features() + "/" + key }
func (p paths) specs(key string) string   { return p.feature(key) + "/specs" }
func (p paths) spec(key string, rev int64) string {
	return p.specs(key) + "/" + strconv.FormatInt(rev, 10)
}
func (p paths) services() string              { return p.root + "/services" }
func (p paths) sheet(service string) string   { return p.services() + "/" + service }
func (p paths) roster(service string) string  { return p.sheet(service) + "/roster" }
func (p paths) members(service string) string { return p.sheet(service) + "/members" }
func (p paths) live(service string) string    { return p.sheet(service) + "/live" }
func (p paths) knocks(service string) string  { return p.sheet(service) + "/knocks" }
func (p paths) history() string               { return p.root + "/history" }
func (p paths) record(id string) string       { return p.history() + "/" + id }

// prefix of the sequential nodes of the history.
func (p paths) nextRecord() string { return p.history() + "/r-" }

func (p paths) member(service, entry string) string    { return p.members(service) + "/" + entry }
func (p paths) liveEntry(service, entry string) string { return p.live(service) + "/" + entry }
func (p paths) knock(service, entry string) string     { return p.knocks(service) + "/" + entry }

// skeleton lists what must be there before anything else, parents first.
func (p paths) skeleton() []string {
	var all []string
	for i, c := range p.root {
		if c == '/' && i > 0 {
			all = append(all, p.root[:i])
		}
	}
	return append(all, p.root, p.agents(), p.features(), p.services(), p.history())
}

// instance returns what an entry's name tells of an instance, for entries that
// cannot be read otherwise.
func instance(service, entry string) muster.Instance {
	id, incarnation := entry, ""
	if i := strings.LastIndexByte(entry, '~'); i >= 0 {
		id, incarnation = entry[:i], entry[i+1:]
	}
	return muster.Instance{Service: service, ID: id, Incarnation: incarnation}
}

// sequence returns the number that ZooKeeper gave to a sequential node, -1 for
// a name without one.
func sequence(name string) int64 {
	const digits = 10
	if len(name) < digits {
		return -1
	}
	n, err := strconv.ParseUint(name[len(name)-digits:], 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

package zkconformance

import (
	"time"

	"github.com/go-zookeeper/zk"
)

// client is the library's view of the main road.
func client(s *script) {
	c := s.connect()
	defer c.Close()
	world := zk.WorldACL(zk.PermAll)
	try := func(what string, err error, got ...any) { s.note("%s -> %v %v", what, err, got) }

	path, err := c.Create(s.root+"/a", []byte("x"), 0, world)
	try("create", err, path)
	path, err = c.CreateContainer(s.root+"/box", nil, zk.FlagContainer, world)
	try("createContainer", err, path)
	_, err = c.CreateTTL(s.root+"/ttl", nil, zk.FlagTTL, world, time.Minute)
	try("createTTL", err)
	path, err = c.Create(s.root+"/a/s-", nil, zk.FlagEphemeral|zk.FlagSequence, world)
	try("create sequential", err, path)
	data, st, changed, err := c.GetW(s.root + "/a")
	try("get", err, string(data), st.Version, st.Cversion, st.NumChildren)
	st, err = c.Set(s.root+"/a", []byte("y"), st.Version)
	try("set", err, st.Version)
	ev := <-changed
	try("event", ev.Err, ev.Type, ev.State, ev.Path)
	_, err = c.Set(s.root+"/a", nil, 0)
	try("set again", err)
	res, err := c.Multi(&zk.CheckVersionRequest{Path: s.root + "/a", Version: 1},
		&zk.CreateRequest{Path: s.root + "/a/b", Acl: world}, &zk.SetDataRequest{Path: s.root + "/a", Version: 1})
	try("multi", err, res[1].String, res[2].Stat.Version)
	res, err = c.Multi(&zk.CheckVersionRequest{Path: s.root + "/a", Version: 1}, &zk.DeleteRequest{Path: s.root + "/a/b"})
	try("multi refused", err, len(res), res[0].Error, res[1].Error)
	list, st, gone, err := c.ExistsW(s.root + "/a/b")
	try("exists", err, list, st.Version)
	try("delete", c.Delete(s.root+"/a/b", 0))
	ev = <-gone
	try("event", ev.Err, ev.Type, ev.State, ev.Path)
	names, st, err := c.Children(s.root)
	try("children", err, len(names), st.NumChildren)
	try("auth", c.AddAuth("digest", []byte("ann:secret")))
	st, err = c.SetACL(s.root+"/a", zk.DigestACL(zk.PermAll, "ann", "secret"), 0)
	try("setACL", err, st.Aversion)
	acl, _, err := c.GetACL(s.root + "/a")
	try("getACL", err, acl)
	other := s.connect()
	defer other.Close()
	_, _, err = other.Get(s.root + "/a")
	try("get by another", err)
	path, err = c.Sync(s.root + "/a")
	try("sync", err, path)
	lock := zk.NewLock(c, s.root+"/lock", world)
	try("lock", lock.Lock())
	try("unlock", lock.Unlock())
}

func (s *script) connect() *zk.Conn {
	c, _, err := zk.Connect(s.servers[:1], 10*time.Second, zk.WithLogger(silent{}))
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

type silent struct{}

func (silent) Printf(string, ...any) {}

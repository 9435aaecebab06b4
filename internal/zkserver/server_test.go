package zkserver_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zookeeper/zk"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var everyone = zk.WorldACL(zk.PermAll)

func TestServesTheClientByTCP(t *testing.T) {
	t.Parallel()
	s := zkservertest.Start(t, zkserver.Config{Addr: "127.0.0.1:0"})
	c := zkservertest.ConnectTCP(t, []string{s.Addr()}, 5*time.Second)
	if _, err := c.Create("/a", []byte("x"), 0, everyone); err != nil {
		t.Fatal(err)
	}
	data, stat, changed, err := c.GetW("/a")
	if err != nil || string(data) != "x" || stat.Version != 0 {
		t.Fatalf("get: %q, %+v, %v", data, stat, err)
	}
	res, err := c.Multi(&zk.CheckVersionRequest{Path: "/a", Version: 0},
		&zk.SetDataRequest{Path: "/a", Data: []byte("y"), Version: 0},
		&zk.CreateRequest{Path: "/a/n-", Acl: everyone, Flags: zk.FlagEphemeral | zk.FlagSequence})
	if err != nil || res[2].String != "/a/n-0000000000" {
		t.Fatalf("multi: %+v, %v", res, err)
	}
	if ev := <-changed; ev.Type != zk.EventNodeDataChanged || ev.Path != "/a" {
		t.Fatalf("event: %+v", ev)
	}
}

func TestAnHourOfVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := zkservertest.Start(t, zkserver.Config{})
		c := zkservertest.Connect(t, s, 10*time.Second)
		if _, err := c.Create("/e", nil, zk.FlagEphemeral, everyone); err != nil {
			t.Fatal(err)
		}
		id := c.SessionID()
		time.Sleep(time.Hour)
		if ok, _, err := c.Exists("/e"); !ok || err != nil || c.SessionID() != id {
			t.Fatalf("after an hour: %v, %v, session 0x%x, was 0x%x", ok, err, c.SessionID(), id)
		}
	})
}

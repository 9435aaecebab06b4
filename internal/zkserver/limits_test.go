package zkserver_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

// open connects by pipe, packet by packet, and asks for the timeout.
func open(t testing.TB, s *zkserver.Server, timeout time.Duration) net.Conn {
	t.Helper()
	nc, err := s.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	packet := make([]byte, 4+4+8+4+8+4)
	packet[3] = 28
	binary.BigEndian.PutUint32(packet[16:], uint32(timeout.Milliseconds()))
	if _, err := nc.Write(packet); err != nil {
		t.Fatal(err)
	}
	return nc
}

// opened takes the answer to open, and returns the timeout.
func opened(t testing.TB, nc net.Conn) time.Duration {
	t.Helper()
	return time.Duration(binary.BigEndian.Uint32(readFull(t, nc, 4+36)[8:])) * time.Millisecond
}

func readFull(t testing.TB, nc net.Conn, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(nc, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// A client that watches and does not read is dropped; the others notice nothing.
func TestASlowClientHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := zkservertest.Start(t, zkserver.Config{MaxQueue: 4000, MaxSessionTimeout: time.Hour})
		c := zkservertest.Connect(t, s, timeout)
		slow := open(t, s, timeout)
		opened(t, slow)
		addWatch := []byte{0, 0, 0, 17, 0, 0, 0, 1, 0, 0, 0, 106, 0, 0, 0, 1, '/', 0, 0, 0, 1}
		if _, err := slow.Write(addWatch); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 200 {
			create(t, c, "/n", 0)
			if err := c.Delete("/n", -1); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("the others waited %v", took)
		}
		synctest.Wait()
		if n, _ := io.Copy(io.Discard, slow); n > 8000 {
			t.Errorf("%d bytes had piled up, 4,000 are allowed", n)
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := zkservertest.Start(t, zkserver.Config{MaxConnections: 2})
		a := open(t, s, timeout)
		opened(t, a)
		opened(t, open(t, s, timeout))
		third, err := s.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := third.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the third: %v, want it closed", err)
		}
		a.Close()
		synctest.Wait()
		opened(t, open(t, s, timeout))
	})
}

func TestWhoSaysNothingIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := zkservertest.Start(t, zkserver.Config{})
		nc, err := s.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(start) != 40*time.Second {
			t.Errorf("%v after %v, want it closed after the longest session timeout", err, time.Since(start))
		}
	})
}

func TestTimeoutsAreNegotiated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := zkservertest.Start(t, zkserver.Config{TickTime: time.Second})
		for _, tc := range []struct{ asked, granted time.Duration }{
			{0, 2 * time.Second},
			{time.Second, 2 * time.Second},
			{5 * time.Second, 5 * time.Second},
			{time.Hour, 20 * time.Second},
		} {
			nc := open(t, s, tc.asked)
			if got := opened(t, nc); got != tc.granted {
				t.Errorf("asked for %v, got %v, want %v", tc.asked, got, tc.granted)
			}
			nc.Close()
		}
	})
}

func TestFourLetterWords(t *testing.T) {
	t.Parallel()
	s := zkservertest.Start(t, zkserver.Config{Addr: "127.0.0.1:0"})
	zkservertest.ConnectTCP(t, []string{s.Addr()}, timeout)
	servers := []string{s.Addr()}
	if got := zk.FLWRuok(servers, timeout); !got[0] {
		t.Error("ruok: not ok")
	}
	stats, ok := zk.FLWSrvr(servers, timeout)
	if !ok || stats[0].Mode != zk.ModeStandalone || stats[0].NodeCount != 4 || stats[0].Connections != 2 {
		t.Errorf("srvr: %+v", stats[0])
	}
	clients, _ := zk.FLWCons(servers, timeout) // it cannot read the line of its own connection
	if len(clients[0].Clients) == 0 || clients[0].Clients[0].Timeout != 10_000 {
		t.Errorf("cons: %+v, %+v", clients[0], clients[0].Clients[0])
	}
	for word, want := range map[string]string{
		"mntr": "zk_znode_count\t4", "stat": "Clients:", "srvr": "for laptops and tests", "isro": "rw", "envi": "zookeeper.version=3.8",
	} {
		nc, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, word)
		answer, err := io.ReadAll(nc)
		if err != nil || !strings.Contains(string(answer), want) {
			t.Errorf("%s: %v, no %q in:\n%s", word, err, want, answer)
		}
		nc.Close()
	}
}

func TestAServerThatIsClosed(t *testing.T) {
	t.Parallel()
	s, err := zkserver.New(zkserver.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Run(context.Background()); !errors.Is(err, zkserver.ErrClosed) {
		t.Errorf("run: %v", err)
	}
	if _, err := s.Dial(context.Background()); !errors.Is(err, zkserver.ErrClosed) {
		t.Errorf("dial: %v", err)
	}
	if _, err := zkserver.New(zkserver.Config{MinSessionTimeout: time.Hour, MaxSessionTimeout: time.Minute}); err == nil {
		t.Error("an empty range of timeouts is accepted")
	}
}

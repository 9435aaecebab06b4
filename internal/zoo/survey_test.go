package zoo_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/zoo"
)

func TestSurveyOfTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	bubble(t, func(w *world) {
		servers := zoo.Survey(w.Context(), zoo.Config{
			Servers: []string{"one:2181"},
			Dial:    func(ctx context.Context, _, _ string) (net.Conn, error) { return w.Dial(ctx) },
		})
		if len(servers) != 1 {
			t.Fatalf("got %+v", servers)
		}
		got := servers[0]
		want := &zoo.Settings{Tick: 2 * time.Second, MinSession: time.Second, MaxSession: time.Minute}
		if diff := cmp.Diff(got.Settings, want); diff != "" {
			t.Errorf("settings (-got +want):\n%s", diff)
		}
		if got.Addr != "one:2181" || got.Mode != "standalone" || got.Problem != "" || got.Withheld != "" || !strings.HasPrefix(got.Version, "3.8") {
			t.Errorf("got %+v", got)
		}
	})
}

// What servers answer decides for how long instances count, so whatever is no
// answer is told from one, and nothing makes a survey hang.
func TestSurveyOfServersThatAnswerBadly(t *testing.T) {
	t.Parallel()
	const (
		fine     = "Zookeeper version: 3.9.2-x, built on today\nLatency min/avg/max: 0/1.25/88\nReceived: 1\nSent: 1\nConnections: 3\nOutstanding: 7\nZxid: 0x1700000002\nMode: follower\nNode count: 5\n"
		withheld = "conf is not executed because it is not in the whitelist.\n"
		settings = "clientPort=2181\ntickTime=1000\nminSessionTimeout=2000\nmaxSessionTimeout=20000\nserverId=3\ninitLimit=10\nsyncLimit=5\nmembership: \nserver.1=a:1:2:participant\nserver.3=b:1:2:participant\nversion=0"
	)
	state := zoo.Server{Addr: "zk:2181", Version: "3.9.2-x", Mode: "follower", Zxid: 0x1700000002, Outstanding: 7, Connections: 3, AverageLatency: 1.25, MaxLatency: 88}
	with := func(change func(*zoo.Server)) zoo.Server { s := state; change(&s); return s }
	answer := func(srvr, conf string) func(net.Conn, string) {
		return func(c net.Conn, word string) {
			io.WriteString(c, map[string]string{"srvr": srvr, "conf": conf}[word])
		}
	}
	problem := func(text string) zoo.Server { return zoo.Server{Addr: "zk:2181", Problem: text} }
	tests := []struct {
		name  string
		serve func(c net.Conn, word string) // nil: nobody is there
		want  zoo.Server
	}{
		{"all is told", answer(fine, settings), with(func(s *zoo.Server) {
			s.Settings = &zoo.Settings{
				ServerID: 3, Tick: time.Second, InitLimit: 10, SyncLimit: 5, MinSession: 2 * time.Second, MaxSession: 20 * time.Second,
				Members: []string{"server.1=a:1:2:participant", "server.3=b:1:2:participant"},
			}
		})},
		{"conf is not allowed, which is the default", answer(fine, withheld), with(func(s *zoo.Server) {
			s.Withheld = "conf: not in the server's 4lw.commands.whitelist"
		})},
		{"conf makes no sense", answer(fine, "tickTime=0\nsyncLimit=-1\n"), state},
		{"conf is beyond all bounds", answer(fine, "tickTime=99999999999999\n"), state},
		{"conf is not answered", func(c net.Conn, word string) {
			if word == "srvr" {
				io.WriteString(c, fine)
			} else {
				io.Copy(io.Discard, c)
			}
		}, state},
		{"no quorum", answer("This ZooKeeper instance is not currently serving requests\n", withheld), zoo.Server{
			Addr: "zk:2181", Problem: "it runs and does not serve: it has no quorum, or is starting",
			Withheld: "conf: not in the server's 4lw.commands.whitelist",
		}},
		{"not a word is allowed", answer("srvr is not executed because it is not in the whitelist.\n", ""), problem("srvr: not in the server's 4lw.commands.whitelist")},
		{"another service", answer("HTTP/1.1 400 Bad Request\r\n\r\n", ""), problem(`srvr: no ZooKeeper server answers like this: "HTTP/1.1 400 Bad Request"`)},
		{"it hangs up", func(net.Conn, string) {}, problem(`hangs up at "srvr"`)},
		{"it stays silent", func(c net.Conn, _ string) { io.Copy(io.Discard, c) }, problem("no answer for 2s")},
		{"it never ends", func(c net.Conn, _ string) {
			for _, err := io.WriteString(c, "x\n"); err == nil; _, err = io.WriteString(c, strings.Repeat("x", 1000)) {
			}
		}, problem(`srvr: no ZooKeeper server answers like this: "x\n` + strings.Repeat("x", 198) + `…"`)},
		{"nobody is there", nil, problem("no route to host")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dial := func(context.Context, string, string) (net.Conn, error) {
					if tt.serve == nil {
						return nil, errors.New("no route to host")
					}
					here, there := net.Pipe()
					go func() {
						defer there.Close()
						word := make([]byte, 4)
						if _, err := io.ReadFull(there, word); err == nil {
							tt.serve(there, string(word))
						}
					}()
					return here, nil
				}
				began := time.Now()
				got := zoo.Survey(t.Context(), zoo.Config{Servers: []string{"zk:2181"}, Dial: dial})
				if diff := cmp.Diff(got, []zoo.Server{tt.want}); diff != "" {
					t.Errorf("survey (-got +want):\n%s", diff)
				}
				if took := time.Since(began); took > 4*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// A survey of plain words at a port that wants TLS, and of a certificate that
// nobody knows, is a problem and no settings.
func TestSurveyByTLS(t *testing.T) {
	t.Parallel()
	cert, pool := certificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			word := make([]byte, 4)
			c.SetDeadline(time.Now().Add(10 * time.Second)) //nolint:errcheck // reading tells
			if _, err := io.ReadFull(c, word); err == nil {
				io.WriteString(c, "Zookeeper version: 3.8\nMode: standalone\ntickTime=700\n")
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	ask := func(cfg *tls.Config) zoo.Server {
		return zoo.Survey(t.Context(), zoo.Config{Servers: []string{l.Addr().String()}, TLS: cfg})[0]
	}
	if got := ask(&tls.Config{RootCAs: pool}); got.Mode != "standalone" || got.Settings == nil || got.Settings.Tick != 700*time.Millisecond {
		t.Errorf("by TLS: got %+v", got)
	}
	if got := ask(new(tls.Config)); !strings.Contains(got.Problem, "tls: ") {
		t.Errorf("a certificate of nobody: got %+v", got)
	}
	if got := ask(nil); got.Problem == "" || got.Settings != nil {
		t.Errorf("without TLS: got %+v", got)
	}
}

func TestSurveyOfRealZooKeeper(t *testing.T) {
	t.Parallel()
	servers := zoo.Survey(t.Context(), zoo.Config{Servers: ensemble.Shared(t).Servers()})
	modes := make([]string, 0, len(servers))
	for _, s := range servers {
		modes = append(modes, s.Mode)
		if s.Problem != "" || s.Settings == nil {
			t.Errorf("got %+v", s)
			continue
		}
		if got := *s.Settings; got.Tick != 500*time.Millisecond || got.SyncLimit != 4 || got.InitLimit != 20 || got.MaxSession != time.Minute || len(got.Members) != 3 {
			t.Errorf("settings: got %+v", got)
		}
	}
	slices.Sort(modes)
	if want := []string{"follower", "follower", "leader"}; !slices.Equal(modes, want) {
		t.Errorf("modes: got %v, want %v", modes, want)
	}
}

// As ZooKeeper comes, conf is not allowed, which is not the same as a server
// that is away.
func TestSurveyOfRealZooKeeperWithItsOwnWhitelist(t *testing.T) {
	t.Parallel()
	e := ensemble.Start(t, 1, ensemble.Words("srvr"))
	got := zoo.Survey(t.Context(), zoo.Config{Servers: e.Servers()})[0]
	if got.Mode != "standalone" || got.Problem != "" || got.Settings != nil || !strings.Contains(got.Withheld, "whitelist") {
		t.Errorf("got %+v", got)
	}
}

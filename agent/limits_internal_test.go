package agent

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	logtest "github.com/sirupsen/logrus/hooks/test"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// One address may ask so often; another is not held back by it.
func TestCallsOfOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	l, now := newLimits(), time.Unix(1, 0)
	in := func(from string) bool {
		leave, err := l.enter(from, now)
		if err != nil {
			return false
		}
		leave()
		return true
	}
	admitted := 0
	for i := range 3 * callBurst {
		if in(fmt.Sprintf("10.0.0.1:%d", i)) { // another port is the same host
			admitted++
		}
	}
	if admitted != callBurst {
		t.Errorf("%d calls of one host at once, want %d", admitted, callBurst)
	}
	if !in("10.0.0.2:1") || !in("[::1]:1") {
		t.Error("another host is held back")
	}
	if now = now.Add(time.Second); !in("10.0.0.1:1") {
		t.Error("a second later it still is")
	}
}

func TestCallsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	l := newLimits()
	var leave func()
	for i := range maxCalls + 1 {
		out, err := l.enter(fmt.Sprint("10.0.", i>>8, ".", i&255, ":1"), time.Unix(int64(i), 0))
		if (err == nil) != (i < maxCalls) {
			t.Fatalf("call %d: %v", i+1, err)
		}
		if out != nil {
			leave = out
		}
	}
	leave()
	if _, err := l.enter("10.1.0.0:1", time.Unix(1<<20, 0)); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
}

// Watches last as long as the caller likes, and that of the agent's health needs
// no credential: whatever number of them there is, a kill finds room.
func TestWatchesLeaveRoomForCalls(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	d.server.limits.watches.Store(maxWatches)
	d.server.limits.calls.Store(maxWatches)
	conn := d.dial(nil)
	stream, err := healthv1.NewHealthClient(conn).Watch(t.Context(), new(healthv1.HealthCheckRequest))
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a watch too many: %v", err)
	}
	if err := calls["read"](as(t, ""), conn); err != nil {
		t.Errorf("a call: %v", err)
	}
	d.server.limits.watches.Add(-1)
	if stream, err = healthv1.NewHealthClient(conn).Watch(t.Context(), new(healthv1.HealthCheckRequest)); err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Errorf("when one has ended: %v", err)
	}
}

// The caller who is over the rate is told by its code, on both faces, and logged.
func TestOverTheRateIsToldByItsCode(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{}, func(s *server) { s.limits.callers.Burst, s.limits.callers.Rate = 3, 0 })
	conn := d.dial(nil)
	for i := range 3 {
		if err := calls["read"](as(t, ""), conn); err != nil {
			t.Fatalf("call %d: %v", i+1, err)
		}
	}
	for _, call := range []string{"read", "watch", "health"} {
		if err := calls[call](as(t, ""), conn); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: %v", call, err)
		}
	}
	if code, body := d.get("/v1/features"); code != http.StatusTooManyRequests {
		t.Errorf("HTTP: %d %s", code, body)
	}
	if code, _ := d.get("/healthz"); code != http.StatusOK {
		t.Errorf("a probe: %d", code)
	}
	waitFor(t, "it is recorded", func() bool { return d.count("http", codes.ResourceExhausted) == 1 && d.refusal() != nil })
}

// A guest list is a listener to which these addresses come.
type guestList struct {
	net.Listener
	come []string
}

func (g *guestList) Accept() (net.Conn, error) {
	if len(g.come) == 0 {
		return nil, net.ErrClosed
	}
	conn, _ := net.Pipe()
	guest := &guest{Conn: conn, from: &net.TCPAddr{IP: net.ParseIP(g.come[0]), Port: len(g.come)}}
	g.come = g.come[1:]
	return guest, nil
}

type guest struct {
	net.Conn
	from net.Addr
}

func (g *guest) RemoteAddr() net.Addr { return g.from }

// One host that opens connections and says nothing does not keep others out: a
// kill must come through.
func TestConnectionsOfOneHostAreBounded(t *testing.T) {
	t.Parallel()
	const flood, operator, other = "10.0.0.1", "10.0.0.2", "fd00::3"
	var refused []string
	l := (&server{}).bound(&guestList{come: []string{flood, flood, flood, operator, flood, other, operator}}).(*bounded)
	if l.most != maxConnections || l.each >= l.most {
		t.Errorf("%d of %d connections for one host", l.each, l.most)
	}
	l.most, l.each = 4, 2
	l.full = func(from string) { refused = append(refused, host(from)) }
	var in []net.Conn
	for {
		conn, err := l.Accept()
		if err != nil {
			break
		}
		in = append(in, conn)
	}
	if want := []string{flood, flood, operator}; !slices.Equal(refused, want) || len(in) != 4 {
		t.Errorf("refused %v and let %d in, want %v and 4", refused, len(in), want)
	}
	for _, conn := range in {
		conn.Close()
		conn.Close()
	}
	if l.open != 0 || len(l.from) != 0 {
		t.Errorf("when all have gone %d are counted, by host %v", l.open, l.from)
	}
}

// Connections beyond the number are closed at once; when one goes another may
// come.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{}, func(s *server) { s.onHTTP.(*bounded).most = 2 })
	addr := d.server.onHTTP.Addr().String()
	ask := func(conn net.Conn) error {
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	var open []net.Conn
	for i := range 3 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := ask(conn); (err == nil) != (i < 2) {
			t.Errorf("connection %d: %v", i+1, err)
		}
		open = append(open, conn)
	}
	waitFor(t, "it is recorded", func() bool { return d.count("connection", codes.ResourceExhausted) == 1 })
	open[0].Close()
	waitFor(t, "there is room again", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return ask(conn) == nil
	})
}

// Whoever is refused ten thousand times makes a few lines, each of a bearable
// length, and is counted ten thousand times.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	log, hook := logtest.NewNullLogger()
	r := newRecorder(log.WithField("agent", "a1"))
	const many = 10_000
	for i := range many {
		r.ended(refusal{method: fmt.Sprint("/x/", i), peer: "1.2.3.4:5", code: codes.Unauthenticated, reason: strings.Repeat("x", 1<<16)})
	}
	lines := hook.AllEntries()
	if len(lines) < 1 || len(lines) > 50 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if text, err := line.String(); err != nil || len(text) > 2000 {
			t.Errorf("a line of %d bytes, %v", len(text), err)
		}
	}
	if calls, _ := r.counts(); calls[outcome{"unknown", codes.Unauthenticated}] != many {
		t.Errorf("counted %v", calls)
	}
}

// What callers choose cannot begin a line of the log.
func TestALogLineIsOneLine(t *testing.T) {
	t.Parallel()
	access, _ := writeAccess(t)
	d := newDesk(t, APIConfig{Access: access})
	d.get("/v1/features/x%0alevel=info%20msg=%22all%20is%20well%22%1b[2J")
	waitFor(t, "it is recorded", func() bool { return d.refusal() != nil })
	for _, e := range d.log.AllEntries() {
		text, err := e.String()
		if err != nil || strings.Count(text, "\n") != 1 || strings.Contains(text, "\x1b") {
			t.Errorf("%q, %v", text, err)
		}
	}
}

// A browser that is told to ask the agent cannot read the answer, nor show it in
// a frame, nor make it change anything.
func TestHTTPGivesOtherSitesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	d.fill()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, method := range []string{http.MethodGet, http.MethodOptions, http.MethodPost} {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+d.server.onHTTP.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://evil.example")
		req.Header.Set("Access-Control-Request-Method", "POST")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for name := range resp.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s: %s", method, name, resp.Header.Get(name))
			}
		}
		if method == http.MethodGet {
			if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") {
				t.Errorf("policy %q", policy)
			}
		} else if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, resp.Status)
		}
	}
}

// A form of a page elsewhere can send text to the gRPC port, and nothing else:
// it is hung up on before a word of it counts.
func TestGRPCHangsUpOnBrowsers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	conn, err := net.Dial("tcp", d.server.onGRPC.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "POST /muster.v1.FeatureService/KillFeature HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
	answer, err := io.ReadAll(conn)
	if ne, ok := err.(net.Error); ok && ne.Timeout() { //nolint:errorlint // as net says
		t.Fatal("the connection is still open")
	}
	if strings.HasPrefix(string(answer), "HTTP/1") && strings.Contains(string(answer), " 200 ") {
		t.Errorf("it answers: %q", answer)
	}
	if _, order := d.server.record.counts(); len(order) != 0 {
		t.Errorf("it counts as a call: %v", order)
	}
}

// raw sends text to the HTTP side and returns all that comes back.
func (d *desk) raw(text string) string {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.server.onHTTP.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, text) // it may be hung up on before the end
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// Paths that try to be others than they are reach nothing but what everyone may
// see.
func TestHTTPOddPaths(t *testing.T) {
	t.Parallel()
	access, _ := writeAccess(t)
	d := newDesk(t, APIConfig{Access: access})
	d.fill()
	for _, path := range []string{
		"//v1/features", "/v1//features", "/healthz/../v1/features", "/./", "/%2e%2e/v1/features", "/v1/features/..%2f..%2fservices",
		"/healthz%2f..%2fv1%2ffeatures", "/v1/features;x", "/v1/features/", "/healthz/..;/metrics", "/V1/features", "/metrics/", "http://localhost/v1/features",
	} {
		answer := d.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if line, _, _ := strings.Cut(answer, "\r\n"); strings.Contains(line, " 200 ") || strings.Contains(answer, `"features/`) {
			t.Errorf("%s: %s", path, answer)
		}
	}
	// Two lengths, or a length and chunks: what a proxy and we could understand
	// differently is refused.
	for _, headers := range []string{
		"Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nTransfer-Encoding: chunked, identity",
		"Transfer-Encoding : chunked", "Content-Length: +5", "X: y\r\n z: 1\r\nHost: evil.example",
	} {
		answer := d.raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n\r\nhello")
		if n := strings.Count(answer, " 200 OK"); n > 0 {
			t.Errorf("%q: %d answers as if it were fine: %s", headers, n, answer)
		}
	}
}

// FuzzAccess: an access file is refused, or says the same when it is written as
// it was understood; nobody gets in who is not in it.
func FuzzAccess(f *testing.F) {
	sha := strings.Repeat("ab", 32)
	for _, seed := range []string{
		`{"callers":[{"name":"ci","role":"operator","sha256":"` + sha + `"},{"name":"alice","role":"admin","certificate":"alice@example.org"}]}`,
		`{"callers":[{"name":"ci\n","role":"viewer","sha256":"` + strings.ToUpper(sha) + `"}]}`,
		`{"callers":[{"name":"agent/x","role":"","sha256":"ab","certificate":"x"}]} {}`, `{"callers":[null,{}]}`, `[]`, ``, `{"callers":[{"nam":1}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parseAccess(data)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("an error nobody wants to read: %q", err)
			}
			return
		}
		g := &guard{file: new(file)}
		g.access.Store(a)
		if len(a.tokens)+len(a.certificates) == 0 {
			t.Error("nobody may call, and it is no error")
		}
		for _, token := range []string{"", "x", sha, string(data)} {
			if p, err := g.identify(token, nil); err == nil {
				t.Errorf("the token %q is that of %+v", token, p)
			}
		}
		var list struct {
			Callers []Caller `json:"callers"`
		}
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Callers) != len(a.tokens)+len(a.certificates) {
			t.Errorf("%d callers became %d", len(list.Callers), len(a.tokens)+len(a.certificates))
		}
		for hash, p := range a.tokens {
			if p.role < viewer || p.role > admin || p.name == "" || strings.HasPrefix(p.name, "agent/") || strings.ContainsAny(p.name, "\n\x1b\u202e") {
				t.Errorf("%x is %+v", hash, p)
			}
		}
	})
}

// FuzzPageToken: what a caller gives back as the token of a page is refused or
// names a place, and the pages that follow are never longer than allowed.
func FuzzPageToken(f *testing.F) {
	f.Add(int32(2), pageToken("b"))
	f.Add(int32(-1), "")
	f.Add(int32(1<<30), "!!")
	f.Add(int32(0), pageToken("\x00\xff"))
	all := []string{"a", "b", "c", "d"}
	f.Fuzz(func(t *testing.T, size int32, token string) {
		some, next, err := page(all, ticket{size, token}, func(s string) string { return s })
		if err != nil {
			if len(err.Error()) > 500 || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("an error nobody wants to read: %q", err)
			}
			return
		}
		if len(some) > maxPage || size > 0 && len(some) > int(size) {
			t.Errorf("a page of %d, %d were asked for", len(some), size)
		}
		if next != "" {
			if after, _, err := page(all, ticket{size, next}, func(s string) string { return s }); err != nil || len(after) == 0 || after[0] <= some[len(some)-1] {
				t.Errorf("after %v comes %v, %v", some, after, err)
			}
		}
	})
}

// A ticket asks for a page.
type ticket struct {
	size  int32
	token string
}

func (t ticket) GetPageSize() int32   { return t.size }
func (t ticket) GetPageToken() string { return t.token }

// Files that are read again and again are small and files.
func TestFilesThatAreTooMuch(t *testing.T) {
	t.Parallel()
	big := filepath.Join(t.TempDir(), "access.json")
	if err := os.WriteFile(big, make([]byte, maxAccess+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{big, os.DevNull, t.TempDir()} {
		if _, err := newGuard(APIConfig{Access: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

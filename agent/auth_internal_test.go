package agent

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/musterhq/muster/internal/store"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// A desk is an API on loopback whose view is complete and empty, and behind
// which there is no ZooKeeper: who gets as far as that was let in.
type desk struct {
	t      *testing.T
	server *server
	log    *logtest.Hook
}

func newDesk(t *testing.T, cfg APIConfig, change ...func(*server)) *desk {
	t.Helper()
	log, hook := logtest.NewNullLogger()
	m := newMirror()
	m.setReady(func() error { return nil })
	away := func() (*store.Store, string, error) { return nil, "", errAway }
	var listeners [2]net.Listener
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i] = l
	}
	srv, err := newServer(Config{API: cfg, Name: "a1", Logger: log}, m, away, listeners[0], listeners[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(srv)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return &desk{t: t, server: srv, log: hook}
}

// dial connects, with TLS unless that is nil.
func (d *desk) dial(secure *tls.Config) *grpc.ClientConn {
	d.t.Helper()
	transport := insecure.NewCredentials()
	if secure != nil {
		transport = credentials.NewTLS(secure)
	}
	conn, err := grpc.NewClient("passthrough:///"+d.server.onGRPC.Addr().String(), grpc.WithTransportCredentials(transport))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// refusal returns the last that was logged, nil for none.
func (d *desk) refusal() logrus.Fields {
	for _, e := range d.log.AllEntries() {
		if e.Message == "refused a call" {
			return e.Data
		}
	}
	return nil
}

// writeAccess writes an access file with one caller of each role, and returns
// it with their tokens.
func writeAccess(t *testing.T, others ...Caller) (path string, tokens map[string]string) {
	t.Helper()
	tokens = make(map[string]string)
	var callers []Caller
	for name := range roles {
		token, sha := NewToken()
		tokens[name] = token
		callers = append(callers, Caller{Name: "the " + name, Role: name, SHA256: sha})
	}
	path = filepath.Join(t.TempDir(), "access.json")
	rewriteAccess(t, path, append(callers, others...)...)
	return path, tokens
}

func rewriteAccess(t *testing.T, path string, callers ...Caller) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"callers": callers})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func as(t *testing.T, token string) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// The calls that are tried, one for each role, and one that is not known.
var calls = map[string]func(context.Context, *grpc.ClientConn) error{
	"read": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := musterv1.NewFeatureServiceClient(conn).ListFeatures(ctx, new(musterv1.ListFeaturesRequest))
		return err
	},
	"watch": func(ctx context.Context, conn *grpc.ClientConn) error {
		stream, err := musterv1.NewFeatureServiceClient(conn).WatchFeature(ctx, &musterv1.WatchFeatureRequest{Name: "features/f"})
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	},
	"activate": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := musterv1.NewFeatureServiceClient(conn).ActivateFeature(ctx, &musterv1.ActivateFeatureRequest{Name: "features/f"})
		return err
	},
	"decommission": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := musterv1.NewRegistryServiceClient(conn).DecommissionInstance(ctx, &musterv1.DecommissionInstanceRequest{Name: "services/s/instances/i"})
		return err
	},
	"health": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := healthv1.NewHealthClient(conn).Check(ctx, new(healthv1.HealthCheckRequest))
		return err
	},
	"reflect": func(ctx context.Context, conn *grpc.ClientConn) error {
		stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
		if err != nil {
			return err
		}
		_ = stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
		if _, err = stream.Recv(); err == nil {
			_ = stream.CloseSend()
			_, err = stream.Recv()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	},
}

// Case 36: who may do what, and that refusals are recorded.
func TestCallersAreAdmittedByTheirRole(t *testing.T) {
	t.Parallel()
	const (
		// Behind the door there is no feature and no ZooKeeper.
		in      = codes.OK
		inside  = codes.NotFound
		nothing = codes.Unavailable
	)
	access, tokens := writeAccess(t)
	tokens["nobody"], _ = NewToken()
	tests := []struct {
		call, who string
		want      codes.Code
	}{
		{"read", "", codes.Unauthenticated},
		{"read", "nobody", codes.Unauthenticated},
		{"read", "viewer", in},
		{"watch", "", codes.Unauthenticated},
		{"watch", "viewer", inside},
		{"activate", "", codes.Unauthenticated},
		{"activate", "nobody", codes.Unauthenticated},
		{"activate", "viewer", codes.PermissionDenied},
		{"activate", "operator", nothing},
		{"decommission", "operator", codes.PermissionDenied},
		{"decommission", "admin", inside},
		{"health", "", in},
		{"reflect", "", codes.Unauthenticated},
		{"reflect", "viewer", in},
	}
	for _, tt := range tests {
		t.Run(tt.call+" as "+orDefault(tt.who, "anyone"), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, APIConfig{Access: access})
			err := calls[tt.call](as(t, tokens[tt.who]), d.dial(nil))
			if got := status.Code(err); got != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			refused := tt.want == codes.Unauthenticated || tt.want == codes.PermissionDenied
			waitFor(t, "the end of the call is recorded", func() bool { _, order := d.server.record.counts(); return len(order) > 0 })
			data := d.refusal()
			if (data != nil) != refused {
				t.Fatalf("refusal is recorded: %t, want %t (%v)", data != nil, refused, data)
			}
			if !refused {
				return
			}
			if data["code"] != tt.want.String() || !strings.HasPrefix(data["method"].(string), "/") || data["peer"] == "" {
				t.Errorf("recorded %v", data)
			}
			if tt.want == codes.PermissionDenied && data["caller"] != "the "+tt.who {
				t.Errorf("recorded caller %q, want %q", data["caller"], "the "+tt.who)
			}
		})
	}
}

func waitFor(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// Case 36: a message over the limit never reaches a handler, and is recorded.
func TestLargeMessagesAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	_, err := musterv1.NewFeatureServiceClient(d.dial(nil)).ApplyFeature(as(t, ""), &musterv1.ApplyFeatureRequest{
		Feature: &musterv1.Feature{Name: "features/f", Spec: &musterv1.Spec{Description: strings.Repeat("x", 2<<20)}},
	})
	if got := status.Code(err); got != codes.ResourceExhausted {
		t.Fatalf("got %v, want %s", err, codes.ResourceExhausted)
	}
	waitFor(t, "the refusal is recorded", func() bool { return d.refusal() != nil })
	if got, want := d.refusal()["method"], musterv1.FeatureService_ApplyFeature_FullMethodName; got != want {
		t.Errorf("recorded method %q, want %q", got, want)
	}
}

// One bad request does not end the agent.
func TestPanicsAreErrors(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{}, func(s *server) { s.commands = nil })
	conn := d.dial(nil)
	if err := calls["activate"](as(t, ""), conn); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want %s", err, codes.Internal)
	}
	if err := calls["read"](as(t, ""), conn); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// What callers choose must not fill the memory.
func TestUnknownMethodsCountAsOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	conn := d.dial(nil)
	for _, method := range []string{"/a.B/C", "/muster.v1.FeatureService/Explode"} {
		if err := conn.Invoke(as(t, ""), method, new(musterv1.GetAgentRequest), new(musterv1.Agent)); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: got %v", method, err)
		}
	}
	if _, order := d.server.record.counts(); len(order) > 1 {
		t.Errorf("got %v", order)
	}
}

// Every method of ours stands in the table of roles.
func TestEveryMethodNeedsARole(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	for name, info := range d.server.grpc.GetServiceInfo() {
		for _, m := range info.Methods {
			if _, known := needs["/"+name+"/"+m.Name]; !known {
				t.Errorf("/%s/%s is not in the table", name, m.Name)
			}
		}
	}
	if got := needed("/muster.v1.FeatureService/Forgotten"); got != admin {
		t.Errorf("a method that is not in the table takes %s, want admin", got)
	}
}

// elsewhere is a listener that other hosts can reach.
type elsewhere struct{ net.Listener }

func (elsewhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 7420} }

func TestOpenAPIStaysAtHome(t *testing.T) {
	t.Parallel()
	access, _ := writeAccess(t)
	ca := newAuthority(t)
	cert, key := ca.write(t, ca.issue(t, "agent"))
	tests := []struct {
		name string
		cfg  APIConfig
		want string // in the error; "" for none
	}{
		{"open", APIConfig{}, "would let every host command the fleet"},
		{"open and insecure", APIConfig{Insecure: true}, ""},
		{"tokens without TLS", APIConfig{Access: access}, "would show tokens to the network"},
		{"tokens with TLS", APIConfig{Access: access, CertFile: cert, KeyFile: key}, ""},
		{"TLS without callers", APIConfig{CertFile: cert, KeyFile: key}, "would let every host command the fleet"},
		{"half a certificate", APIConfig{CertFile: cert}, "needs both a certificate and a key"},
		{"no such access file", APIConfig{Access: "/nowhere.json"}, "access: stat /nowhere.json"},
		{"callers' authority without callers", APIConfig{CertFile: cert, KeyFile: key, ClientCAFile: cert}, "needs an access file"},
	}
	for _, tt := range tests {
		_, err := newServer(Config{API: tt.cfg, Logger: logrus.New()}, newMirror(), nil, elsewhere{}, nil)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestAccessFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	sha := strings.Repeat("ab", 32)
	for content, want := range map[string]string{
		``:                              "EOF",
		`{}`:                            "names no caller",
		`{"callers": []} {}`:            "something follows",
		`{"callers": [{"nam": "a"}]}`:   "unknown field",
		`{"callers": [{"name": "ci"}]}`: `caller 1, "ci": role "" is not one of viewer, operator, admin`,
		`{"callers": [{"name": "ci", "role": "root", "sha256": "` + sha + `"}]}`:                                                           `role "root"`,
		`{"callers": [{"role": "admin", "sha256": "` + sha + `"}]}`:                                                                        "needs a name",
		`{"callers": [{"name": "agent/a1", "role": "admin", "sha256": "` + sha + `"}]}`:                                                    "does not begin with agent/",
		`{"callers": [{"name": "ci", "role": "admin"}]}`:                                                                                   "needs either sha256 or certificate",
		`{"callers": [{"name": "ci", "role": "admin", "sha256": "` + sha + `", "certificate": "ci"}]}`:                                     "needs either sha256 or certificate",
		`{"callers": [{"name": "ci", "role": "admin", "sha256": "secret"}]}`:                                                               "64 hexadecimal digits",
		`{"callers": [{"name": "a", "role": "admin", "sha256": "` + sha + `"}, {"name": "b", "role": "viewer", "sha256": "` + sha + `"}]}`: `caller 2, "b": its sha256 is named twice`,
	} {
		if _, err := parseAccess([]byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", content, err, want)
		}
	}
}

// A token is withdrawn by changing the file; a file that cannot be used changes
// nothing.
func TestAccessFileIsReadAgain(t *testing.T) {
	t.Parallel()
	access, tokens := writeAccess(t)
	d := newDesk(t, APIConfig{Access: access})
	conn := d.dial(nil)
	read := func() codes.Code { return status.Code(calls["read"](as(t, tokens["viewer"]), conn)) }
	if err := os.WriteFile(access, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the broken file is complained about", func() bool {
		last := d.log.LastEntry()
		return last != nil && strings.HasPrefix(last.Message, "cannot use the changed file")
	})
	if got := read(); got != codes.OK {
		t.Errorf("with a broken file: got %s", got)
	}
	_, sha := NewToken()
	rewriteAccess(t, access, Caller{Name: "other", Role: "admin", SHA256: sha})
	waitFor(t, "the token is withdrawn", func() bool { return read() == codes.Unauthenticated })
}

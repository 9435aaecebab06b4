package agent

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// demanded is which role a call must take, by what its name says it does: not by
// the table that is tried here. A call that fits nowhere fails the test.
func demanded(t *testing.T, method string) role {
	t.Helper()
	service, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	switch {
	case service == "grpc.health.v1.Health":
		return anyone
	case service == "grpc.reflection.v1.ServerReflection":
		return viewer
	case strings.HasPrefix(name, "Decommission"):
		return admin
	}
	for _, verb := range []string{"Get", "List", "Watch", "CanDeploy"} {
		if strings.HasPrefix(name, verb) {
			return viewer
		}
	}
	for _, verb := range []string{"Apply", "Activate", "Deactivate", "Kill", "Delete"} {
		if strings.HasPrefix(name, verb) {
			return operator
		}
	}
	t.Errorf("%s: nobody has said whom it is for", method)
	return admin
}

// try calls a method with an empty request, which is enough to get as far as
// the door.
func try(ctx context.Context, conn *grpc.ClientConn, method string, stream bool) error {
	if !stream {
		return conn.Invoke(ctx, method, new(emptypb.Empty), new(emptypb.Empty))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	_ = s.SendMsg(new(emptypb.Empty)) // the answer tells
	_ = s.CloseSend()
	if err := s.RecvMsg(new(emptypb.Empty)); err != io.EOF { //nolint:errorlint // as it is given
		return err
	}
	return nil
}

// Case 36: every call of the API × everyone who may make it: who does not say
// who it is, says it wrongly, or may not, is told so by the right code, and it is
// counted and logged; all others get in.
func TestCase36EveryCallAndEveryRole(t *testing.T) {
	t.Parallel()
	access, tokens := writeAccess(t)
	unknown, _ := NewToken()
	callers := []struct {
		name  string
		token string
		role  role
		known bool
	}{
		{"nobody", "", anyone, false},
		{"a stranger", unknown, anyone, false},
		{"half a token", tokens["admin"][:20], anyone, false},
		{"the viewer", tokens["viewer"], viewer, true},
		{"the operator", tokens["operator"], operator, true},
		{"the admin", tokens["admin"], admin, true},
	}
	d := newDesk(t, APIConfig{Access: access})
	conn := d.dial(nil)
	tried := 0
	for service, info := range d.server.grpc.GetServiceInfo() {
		for _, m := range info.Methods {
			method := "/" + service + "/" + m.Name
			takes := demanded(t, method)
			for _, who := range callers {
				want := codes.OK
				switch {
				case takes == anyone:
				case !who.known:
					want = codes.Unauthenticated
				case who.role < takes:
					want = codes.PermissionDenied
				}
				d.log.Reset()
				before := d.count(method, want)
				err := try(as(t, who.token), conn, method, m.IsServerStream)
				got := status.Code(err)
				tried++
				if want == codes.OK {
					if got == codes.Unauthenticated || got == codes.PermissionDenied || got == codes.Internal {
						t.Errorf("%s by %s: %v, want it let in", method, who.name, err)
					}
					continue
				}
				if got != want {
					t.Errorf("%s by %s: %v, want %s", method, who.name, err, want)
					continue
				}
				waitFor(t, "it is counted: "+method+" by "+who.name, func() bool { return d.count(method, want) > before })
				if data := d.refusal(); data == nil || data["method"] != method || data["code"] != want.String() {
					t.Errorf("%s by %s: recorded %v", method, who.name, data)
				}
				if strings.Contains(err.Error(), who.token) && who.token != "" {
					t.Errorf("%s: the error shows the token: %v", method, err)
				}
			}
		}
	}
	if tried < 18*len(callers) {
		t.Errorf("%d calls were tried", tried)
	}
}

// count is how many calls of a method came to this end.
func (d *desk) count(method string, code codes.Code) uint64 {
	calls, _ := d.server.record.counts()
	return calls[outcome{method, code}]
}

// Case 36: the same on HTTP, whose every page takes a viewer.
func TestCase36EveryPage(t *testing.T) {
	t.Parallel()
	access, tokens := writeAccess(t)
	d := newDesk(t, APIConfig{Access: access})
	d.fill()
	for _, path := range []string{
		"/", "/metrics", "/v1/features", "/v1/features/structured-address", "/v1/services", "/v1/services/checkout", "/v1/diagnosis",
	} {
		for name, tc := range map[string]struct {
			header string
			want   int
		}{
			"nobody":       {"", 401},
			"a stranger":   {"Bearer nonsense", 401},
			"no scheme":    {tokens["viewer"], 401},
			"another":      {"Digest " + tokens["viewer"], 401},
			"the viewer":   {"Bearer " + tokens["viewer"], 200},
			"in any case":  {"bEARER " + tokens["viewer"], 200},
			"the operator": {"Bearer " + tokens["operator"], 200},
		} {
			d.log.Reset()
			got, body := d.get(path, func(r *http.Request) {
				if tc.header != "" {
					r.Header.Set("Authorization", tc.header)
				}
			})
			if got != tc.want {
				t.Errorf("%s by %s: %d, want %d: %.200s", path, name, got, tc.want, body)
			}
			if tc.want == 401 && strings.Contains(body, "structured-address") && !strings.Contains(path, "structured-address") {
				t.Errorf("%s by %s: the refusal tells what it refuses: %s", path, name, body)
			}
		}
	}
	if d.count("http", codes.Unauthenticated) < 7*4 {
		t.Errorf("not all refusals are counted: %d", d.count("http", codes.Unauthenticated))
	}
}

// Case 36: a message, or headers, over the limit: refused before anyone has read
// them, and recorded where there was a call.
func TestCase36OverTheLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	conn := d.dial(nil)
	_, err := musterv1.NewFeatureServiceClient(conn).ApplyFeature(as(t, ""), &musterv1.ApplyFeatureRequest{
		Feature: &musterv1.Feature{Name: "features/f", Spec: &musterv1.Spec{Description: strings.Repeat("x", 2<<20)}},
	})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a message of 2 MB: %v", err)
	}
	waitFor(t, "it is counted", func() bool {
		return d.count(musterv1.FeatureService_ApplyFeature_FullMethodName, codes.ResourceExhausted) == 1
	})
	ctx := metadata.AppendToOutgoingContext(as(t, ""), "authorization", "Bearer "+strings.Repeat("x", 2*maxHeaders))
	if _, err := musterv1.NewAgentServiceClient(conn).GetAgent(ctx, new(musterv1.GetAgentRequest)); err == nil {
		t.Error("headers of 32 kB are taken")
	}
	if answer := d.raw("GET /v1/features HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"); strings.Contains(answer, " 200 ") {
		t.Errorf("HTTP headers of 64 kB: %s", answer)
	}
	if _, err := musterv1.NewAgentServiceClient(conn).GetAgent(as(t, ""), new(musterv1.GetAgentRequest)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

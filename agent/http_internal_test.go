package agent

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// get asks the desk's HTTP side.
func (d *desk) get(path string, change ...func(*http.Request)) (code int, body string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+d.server.onHTTP.Addr().String()+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, c := range change {
		c(req)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// fill lets the desk see a feature and a service.
func (d *desk) fill() {
	m := d.server.view.(*mirror)
	spec := featureSpec("structured-address", map[string]string{"checkout": ">=2.0.0"})
	spec.Revision, spec.Description = 1, "<b>street & city</b>"
	m.setService("checkout", &muster.Service{
		Sheet: muster.Sheet{Service: "checkout", Revision: 4, Features: map[string]muster.Entry{"structured-address": {
			Spec: 1, Constraint: muster.MustConstraint(">=2.0.0"), OnDisconnect: muster.FallToAccept,
		}}},
		Members: []muster.Member{{Instance: muster.Instance{Service: "checkout", ID: "c1", Incarnation: "abcdef", Version: "1.9.0"}, Live: true}},
	})
	m.setFeature("structured-address", &store.FeatureNode{
		Status: muster.Status{Feature: "structured-address", Desired: muster.On, Spec: 1, DesiredSpec: 1, Since: time.Unix(1, 0)},
		Spec:   spec,
	})
	m.setLeader("a2", false)
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	d.fill()
	tests := []struct {
		path string
		code int
		want []string // in the body
	}{
		{"/healthz", 200, []string{"ok"}},
		{"/readyz", 200, []string{"ready"}},
		{"/metrics", 200, []string{
			"muster_agent_ready 1\n", "muster_agent_leading 0\n", `muster_feature_stage{feature="structured-address"} 0`,
			`muster_instances{service="checkout",live="true"} 1`, `muster_calls_total{method="http",code="OK"}`,
		}},
		{"/v1/features", 200, []string{`"features/structured-address"`, `"STAGE_OFF"`, `"OLD_VERSION"`}},
		{"/v1/features?pageSize=x", 400, []string{`"code":3`, "pageSize"}},
		{"/v1/features/structured-address", 200, []string{`"features/structured-address"`}},
		{"/v1/diagnosis", 200, []string{`"agent":{"name":"a1"`, `"recordCount":-1`}},
		{"/v1/features/nothing", 404, []string{`"code":5`, "feature nothing: not found"}},
		{"/v1/features/A", 400, []string{"may hold lower-case letters"}},
		{"/v1/services", 200, []string{`"services/checkout"`}},
		{"/v1/services/checkout", 200, []string{`"services/checkout/instances/c1~abcdef"`, `"1.9.0"`}},
		{"/", 200, []string{"structured-address", "&lt;b&gt;street &amp; city&lt;/b&gt;", "checkout/c1: is 1.9.0 and needs", "a2 leads", "1 × 1.9.0"}},
		{"/nothing", 404, nil},
	}
	for _, tt := range tests {
		code, body := d.get(tt.path)
		if code != tt.code {
			t.Errorf("%s: got %d, want %d: %s", tt.path, code, tt.code, body)
		}
		for _, want := range tt.want {
			if !strings.Contains(strings.ReplaceAll(body, ": ", ":"), strings.ReplaceAll(want, ": ", ":")) {
				t.Errorf("%s: %q is not in\n%s", tt.path, want, body)
			}
		}
	}
	list := new(musterv1.ListFeaturesResponse)
	_, body := d.get("/v1/features")
	if err := protojson.Unmarshal([]byte(body), list); err != nil || len(list.GetFeatures()) != 1 {
		t.Errorf("got %v, %v", list, err)
	}
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPut} {
		if code, _ := d.get("/v1/features/structured-address", func(r *http.Request) { r.Method = method }); code != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %d", method, code)
		}
	}
}

// G7: what is stale is not passed off as true.
func TestHTTPWithoutZooKeeper(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	d.fill()
	d.server.view.(*mirror).setReady(func() error { return errors.New("zookeeper is away") })
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 200, "/": 200, "/v1/features": 503} {
		code, body := d.get(path)
		if code != want {
			t.Errorf("%s: got %d, want %d: %s", path, code, want, body)
		}
		if path == "/" && !strings.Contains(body, "Not ready: zookeeper is away") {
			t.Errorf("the page does not say so:\n%s", body)
		}
	}
	health := healthv1.NewHealthClient(d.dial(nil))
	for _, service := range []string{"", musterv1.FeatureService_ServiceDesc.ServiceName} {
		waitFor(t, "health says so", func() bool {
			answer, err := health.Check(as(t, ""), &healthv1.HealthCheckRequest{Service: service})
			if err != nil {
				t.Fatal(err)
			}
			return answer.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING
		})
	}
}

func TestHTTPCallers(t *testing.T) {
	t.Parallel()
	access, tokens := writeAccess(t)
	d := newDesk(t, APIConfig{Access: access})
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	basic := func(token string) func(*http.Request) { return func(r *http.Request) { r.SetBasicAuth("me", token) } }
	tests := []struct {
		path   string
		change func(*http.Request)
		want   int
	}{
		{"/healthz", func(*http.Request) {}, 200},
		{"/readyz", func(*http.Request) {}, 200},
		{"/v1/features", func(*http.Request) {}, 401},
		{"/metrics", func(*http.Request) {}, 401},
		{"/", func(*http.Request) {}, 401},
		{"/v1/features", bearer("wrong"), 401},
		{"/v1/features", bearer(tokens["viewer"]), 200},
		{"/", basic(tokens["viewer"]), 200},
		{"/", basic("wrong"), 401},
	}
	for _, tt := range tests {
		if got, body := d.get(tt.path, tt.change); got != tt.want {
			t.Errorf("%s: got %d, want %d: %s", tt.path, got, tt.want, body)
		}
	}
	data := d.refusal()
	if data == nil || data["method"] != "http" || data["code"] != codes.Unauthenticated.String() || !strings.Contains(data["reason"].(string), "/v1/features") {
		t.Errorf("recorded %v", data)
	}
}

// A page from elsewhere that gave its own name this address learns nothing.
func TestHTTPAnswersToItsOwnNamesOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{})
	for host, want := range map[string]int{"evil.example": 403, "localhost:7421": 200, "127.0.0.1": 200, "[::1]:7421": 200, "10.0.0.1:7421": 403} {
		if got, _ := d.get("/v1/features", func(r *http.Request) { r.Host = host }); got != want {
			t.Errorf("host %s: got %d, want %d", host, got, want)
		}
	}
}

// A caller that sends its request a byte at a time does not hold a connection
// for ever.
func TestHTTPIsPatientForAWhileOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, APIConfig{}, func(s *server) { s.http.ReadHeaderTimeout = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", d.server.onHTTP.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost:"); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the connection is still open: %v", err)
	}
}

package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key}
}

// issue signs a certificate for both ends of a connection.
func (a *authority) issue(t *testing.T, name string, mails ...string) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, EmailAddresses: mails,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// write writes a certificate and its key as PEM files.
func (a *authority) write(t *testing.T, c tls.Certificate) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]},
		key:  {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// trusts is what a client needs to speak to the agent, and who it says it is.
func (a *authority) trusts(own ...tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, Certificates: own, ServerName: "127.0.0.1"}
}

func TestCallersAreToldByCertificate(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	access, tokens := writeAccess(t, Caller{Name: "alice", Role: "operator", Certificate: "alice@example.org"})
	cfg := APIConfig{Access: access}
	cfg.CertFile, cfg.KeyFile = ca.write(t, ca.issue(t, "agent"))
	cfg.ClientCAFile, _ = ca.write(t, tls.Certificate{Certificate: [][]byte{ca.cert.Raw}, PrivateKey: ca.key})
	tests := []struct {
		name, token, call string
		secure            *tls.Config
		want              codes.Code
		caller            string // of the refusal
	}{
		{name: "alice activates", call: "activate", secure: ca.trusts(ca.issue(t, "a", "alice@example.org")), want: codes.Unavailable},
		{name: "alice decommissions", call: "decommission", secure: ca.trusts(ca.issue(t, "a", "alice@example.org")), want: codes.PermissionDenied, caller: "alice"},
		{name: "bob is not listed", call: "read", secure: ca.trusts(ca.issue(t, "bob")), want: codes.PermissionDenied},
		{name: "no certificate", call: "read", secure: ca.trusts(), want: codes.Unauthenticated},
		{name: "a token will do", call: "read", token: "viewer", secure: ca.trusts(), want: codes.OK},
		{name: "plain text", call: "read", token: "viewer", want: codes.Unavailable},
		{name: "a stranger's alice", call: "read", want: codes.Unavailable, secure: ca.trusts(stranger.issue(t, "a", "alice@example.org"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, cfg)
			err := calls[tt.call](as(t, tokens[tt.token]), d.dial(tt.secure))
			if got := status.Code(err); got != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			// Who does not come through the handshake is recorded, too.
			if tt.want == codes.PermissionDenied || tt.want == codes.Unauthenticated || tt.secure == nil || strings.HasPrefix(tt.name, "a stranger") {
				waitFor(t, "the refusal is recorded", func() bool { return d.refusal() != nil })
				if got, _ := d.refusal()["caller"].(string); got != tt.caller {
					t.Errorf("recorded caller %q, want %q", got, tt.caller)
				}
			}
		})
	}
}

// A renewed certificate is served without a restart.
func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	var cfg APIConfig
	cfg.CertFile, cfg.KeyFile = ca.write(t, ca.issue(t, "old"))
	d := newDesk(t, cfg)
	cert, key := ca.write(t, ca.issue(t, "new"))
	for from, to := range map[string]string{cert: cfg.CertFile, key: cfg.KeyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the new certificate is served", func() bool {
		conn, err := tls.Dial("tcp", d.server.onHTTP.Addr().String(), ca.trusts())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName == "new"
	})
}

// A stranger's certificate is refused and recorded on the HTTP side, too.
func TestHTTPHandshakesAreRecorded(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	var cfg APIConfig
	cfg.Access, _ = writeAccess(t)
	cfg.CertFile, cfg.KeyFile = ca.write(t, ca.issue(t, "agent"))
	cfg.ClientCAFile, _ = ca.write(t, tls.Certificate{Certificate: [][]byte{ca.cert.Raw}, PrivateKey: ca.key})
	d := newDesk(t, cfg)
	conn, err := tls.Dial("tcp", d.server.onHTTP.Addr().String(), ca.trusts(stranger.issue(t, "alice")))
	if err == nil { // the client may be done before the server looks
		defer conn.Close()
	}
	waitFor(t, "the refusal is recorded", func() bool { return d.refusal() != nil })
	if got := d.refusal()["method"]; got != "handshake" {
		t.Errorf("recorded %v", d.refusal())
	}
}

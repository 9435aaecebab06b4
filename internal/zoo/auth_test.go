package zoo_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

// mine lets only who creates a node change it.
func mine(string) []zoo.ACL {
	return []zoo.ACL{{Perms: zoo.PermAll, Scheme: "auth"}}
}

func TestWrongPasswordIsDenied(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.Auth, cfg.ACL = "ann:right", mine
		owner := w.session(cfg)
		create(w, owner, "/a")

		for name, auth := range map[string]string{"wrong": "ann:wrong", "none": ""} {
			cfg := w.config()
			cfg.Auth = auth
			s := w.session(cfg)
			_, err := s.Get(w.Context(), "/a")
			wantErr(w, err, zoo.ErrDenied)
			_, _, err = s.Watch(w.Context(), "/a")
			wantErr(w, err, zoo.ErrDenied)
			_, err = s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Set("/a", nil, zoo.AnyVersion) }))
			wantErr(w, err, zoo.ErrDenied)
			if err == nil || !strings.Contains(err.Error(), "set /a") || errors.Is(err, zoo.ErrUnknown) {
				w.Errorf("%s: got %v, want one that names the operation", name, err)
			}
		}
		cfg.ACL = nil
		set(w, w.session(cfg), "/a", "second")
	})
}

func TestACLIsOfThePath(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.Auth = "ann:right"
		cfg.ACL = func(path string) []zoo.ACL {
			if path == "/open" {
				return nil
			}
			return append(mine(path), zoo.ACL{Perms: zoo.PermRead, Scheme: "world", ID: "anyone"})
		}
		create(w, w.session(cfg), "/open", "/readable")
		s := w.session(w.config())
		set(w, s, "/open", "second")
		if _, err := s.Get(w.Context(), "/readable"); err != nil {
			w.Error(err)
		}
		_, err := s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Create("/readable/a", nil, zoo.Persistent) }))
		wantErr(w, err, zoo.ErrDenied)
	})
}

// The credentials are given on every connection, also when it breaks while they
// are being given.
func TestCredentialsOutliveTheConnection(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.Auth, cfg.ACL, cfg.SessionTimeout = "ann:right", mine, time.Minute
		var mu sync.Mutex
		auths := 0
		w.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
			mu.Lock()
			defer mu.Unlock()
			if r.Op == "auth" || r.Op == "setAuth" {
				if auths++; auths%3 != 0 {
					return zkserver.Verdict{Do: []zkserver.Action{zkserver.DropAfter, zkserver.DropBefore}[auths%2]}
				}
			}
			return zkserver.Verdict{}
		})
		s := w.session(cfg)
		create(w, s, "/a")
		for range 10 {
			w.Faults().DropConnections(nil)
			synctest.Wait()
			if _, err := s.Get(w.Context(), "/a"); err != nil && !errors.Is(err, zoo.ErrNotSent) {
				w.Error(err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if auths < 10 {
			w.Errorf("got %d authentications: the fault did not strike", auths)
		}
	})
}

// go-zookeeper hangs for good when it cannot write its credentials to a new
// connection: it answers itself twice where there is room for one answer.
func TestConnectionBreaksAtTheCredentials(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.Auth, cfg.ACL, cfg.SessionTimeout = "ann:right", mine, time.Minute
		s := w.session(cfg)
		create(w, s, "/a")
		strikes := 0
		broken := func(kind int32) bool {
			const auth = 100
			if kind == auth {
				strikes++
			}
			return kind == auth && strikes <= 3
		}
		w.broken.Store(&broken)
		w.Faults().DropConnections(nil)
		synctest.Wait()
		if _, err := s.Get(w.Context(), "/a"); err != nil {
			w.Error(err)
		}
		if strikes != 4 {
			w.Errorf("got %d attempts, want 4", strikes)
		}
	})
}

func TestTLS(t *testing.T) {
	server, err := zkserver.New(zkserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { server.Run(context.Background()) })
	cert, pool := certificate(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	wg.Go(func() {
		for {
			outside, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { splice(server, outside) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		server.Close()
		wg.Wait()
	})
	cfg := zoo.Config{Servers: []string{listener.Addr().String()}, TLS: &tls.Config{RootCAs: pool}}

	s, err := zoo.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	create(t, s, "/a")
	server.Faults().DropConnections(nil)
	for { // the operation that the loss catches fails; the next waits for a connection
		if _, err = s.Get(t.Context(), "/a"); !errors.Is(err, zoo.ErrNotSent) {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}

	for name, cfg := range map[string]zoo.Config{
		"unknown authority": {Servers: cfg.Servers, TLS: &tls.Config{}},
		"not":               {Servers: cfg.Servers, TLS: &tls.Config{RootCAs: pool, ServerName: "zookeeper.example"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := zoo.Dial(ctx, cfg)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want one that says %q", err, name)
		}
	}
}

// splice joins a connection to the server until either end closes.
func splice(server *zkserver.Server, outside net.Conn) {
	defer outside.Close()
	inside, err := server.Dial(context.Background())
	if err != nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(inside, outside)
		inside.Close()
	})
	io.Copy(outside, inside)
	outside.Close()
	wg.Wait()
}

// certificate makes one for 127.0.0.1 that vouches for itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

package agent

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"

	"github.com/sirupsen/logrus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
)

// certificates are the server's own, read again when they change, and the
// authorities of its callers. They are safe for concurrent use; nil where there
// is no TLS.
type certificates struct {
	cert, key file
	current   atomic.Pointer[tls.Certificate]
	callers   *x509.CertPool // nil where callers need none
}

func loadCertificates(cfg APIConfig) (*certificates, error) {
	switch {
	case cfg.CertFile == "" && cfg.KeyFile == "" && cfg.ClientCAFile == "":
		return nil, nil
	case cfg.CertFile == "" || cfg.KeyFile == "":
		return nil, errors.New("TLS needs both a certificate and a key")
	case cfg.ClientCAFile != "" && cfg.Access == "":
		return nil, errors.New("an authority of callers needs an access file that names those it may admit")
	}
	c := &certificates{cert: file{path: cfg.CertFile}, key: file{path: cfg.KeyFile}}
	if _, err := c.load(); err != nil {
		return nil, err
	}
	if cfg.ClientCAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(cfg.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("TLS: authorities of callers: %w", err)
	}
	c.callers = x509.NewCertPool()
	if !c.callers.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("TLS: %s holds no certificate in PEM", cfg.ClientCAFile)
	}
	return c, nil
}

// load reads certificate and key when either has changed.
func (c *certificates) load() (changed bool, err error) {
	_, newCert, err := c.cert.read()
	if err != nil {
		return false, fmt.Errorf("TLS: %w", err)
	}
	_, newKey, err := c.key.read()
	if err != nil {
		return false, fmt.Errorf("TLS: %w", err)
	}
	if !newCert && !newKey {
		return false, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert.path, c.key.path)
	if err != nil {
		return false, fmt.Errorf("TLS: certificate %s and key %s: %w", c.cert.path, c.key.path, err)
	}
	c.current.Store(&pair)
	return true, nil
}

// refresh reads the files again when they have changed. What cannot be used
// leaves things as they are: as between the renewal of the certificate and that
// of its key.
func (c *certificates) refresh(log *logrus.Entry) {
	if c == nil {
		return
	}
	changed, err := c.load()
	switch {
	case err != nil:
		c.cert.complain(log, err)
	case changed:
		log.WithField("file", c.cert.path).Info("read the certificate again")
	}
}

// config is for a listener that speaks this protocol.
func (c *certificates) config(protocol string) *tls.Config {
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{protocol},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
	if c.callers != nil {
		cfg.ClientCAs = c.callers
		cfg.ClientAuth = tls.VerifyClientCertIfGiven // who has a token needs none
	}
	return cfg
}

// callerCertificate returns the verified certificate of a connection, nil
// where there is none.
func callerCertificate(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	return state.VerifiedChains[0][0]
}

// handshakes records those that fail: a certificate that is not to be trusted
// is refused here, before there is a call.
type handshakes struct {
	credentials.TransportCredentials
	record *recorder
}

// ServerHandshake is that of the credentials.
func (h *handshakes) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := h.TransportCredentials.ServerHandshake(conn)
	if err != nil && !errors.Is(err, io.EOF) { // a probe that hangs up is nobody
		h.record.refused(refusal{method: "handshake", peer: conn.RemoteAddr().String(), code: codes.Unauthenticated, reason: err.Error()})
	}
	return secure, info, err
}

// Clone is that of the credentials.
func (h *handshakes) Clone() credentials.TransportCredentials {
	return &handshakes{h.TransportCredentials.Clone(), h.record}
}

// A handshakeLog is where the HTTP server complains; what it says of handshakes
// is recorded likewise, and the rest is what callers do to their connections.
type handshakeLog struct{ record *recorder }

// Write takes one complaint.
func (l handshakeLog) Write(line []byte) (int, error) {
	rest, found := strings.CutPrefix(string(line), "http: TLS handshake error from ")
	if from, reason, ok := strings.Cut(strings.TrimSpace(rest), ": "); found && ok && reason != io.EOF.Error() {
		l.record.refused(refusal{method: "handshake", peer: from, code: codes.Unauthenticated, reason: reason})
	}
	return len(line), nil
}

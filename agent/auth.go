package agent

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sirupsen/logrus"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
)

// A Caller is one whom the operator named in the access file, which reads
//
//	{"callers": [
//	  {"name": "ci", "role": "operator", "sha256": "9f86d081884c7d65…"},
//	  {"name": "alice", "role": "admin", "certificate": "alice@example.org"}
//	]}
type Caller struct {
	// Name stands in the history as who did it.
	Name string `json:"name"`
	// Role is what the caller may do: viewer reads; operator also applies,
	// activates, deactivates, kills and deletes; admin also decommissions.
	Role string `json:"role"`
	// SHA256 is the hash of the caller's token, in hexadecimal; see [NewToken].
	SHA256 string `json:"sha256,omitempty"`
	// Certificate is a name in the caller's certificate: a URI, mail or DNS name
	// among its alternative names, or its common name.
	Certificate string `json:"certificate,omitempty"`
}

// NewToken draws a token of 26 letters and digits, and returns it with its
// hash for [Caller].
func NewToken() (token, sha string) {
	token = strings.ToLower(rand.Text())
	sum := sha256.Sum256([]byte(token))
	return token, hex.EncodeToString(sum[:])
}

// maxCaller is the longest name of a caller, in bytes.
const maxCaller = 100

// A role is what a caller may do; each may do what the one before may.
type role int8

const (
	anyone role = iota // need not say who it is
	viewer
	operator
	admin
)

var roles = map[string]role{"viewer": viewer, "operator": operator, "admin": admin}

func (r role) String() string {
	for name, known := range roles {
		if known == r {
			return name
		}
	}
	return "anyone"
}

// A principal is who calls, as far as is proved.
type principal struct {
	name string
	role role
}

// An access is what an access file says. It never changes.
type access struct {
	tokens       map[[sha256.Size]byte]principal // by hash
	certificates map[string]principal            // by name
}

// A guard knows who may call. It is safe for concurrent use.
type guard struct {
	file   *file                  // nil when the API is open
	access atomic.Pointer[access] // replaced whole
}

func newGuard(cfg APIConfig) (*guard, error) {
	if cfg.Access == "" {
		return new(guard), nil
	}
	g := &guard{file: &file{path: cfg.Access}}
	data, _, err := g.file.read()
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	a, err := parseAccess(data)
	if err != nil {
		return nil, fmt.Errorf("access file %s: %w", cfg.Access, err)
	}
	g.access.Store(a)
	return g, nil
}

// open reports whether everybody may do everything.
func (g *guard) open() bool { return g.file == nil }

// refresh reads the file again when it has changed. One that cannot be used
// leaves things as they are.
func (g *guard) refresh(log *logrus.Entry) {
	if g.open() {
		return
	}
	data, changed, err := g.file.read()
	if err == nil && !changed {
		return
	}
	var a *access
	if err == nil {
		a, err = parseAccess(data)
	}
	if err != nil {
		g.file.complain(log, err)
		return
	}
	g.access.Store(a)
	log.WithField("file", g.file.path).Info("read the access file again")
}

// identify returns who calls. token is "" when there is none; chain is the
// verified certificate, nil when there is none.
func (g *guard) identify(token string, chain *x509.Certificate) (principal, error) {
	switch {
	case g.open():
		return principal{name: "anonymous", role: admin}, nil
	case token != "":
		sum := sha256.Sum256([]byte(token))
		found, known := principal{}, false
		for hash, p := range g.access.Load().tokens { // all of them: the time tells nothing
			if subtle.ConstantTimeCompare(hash[:], sum[:]) == 1 {
				found, known = p, true
			}
		}
		if !known {
			return principal{}, fmt.Errorf("%w: the token is not known here", wire.ErrUnauthenticated)
		}
		return found, nil
	case chain != nil:
		names := certificateNames(chain)
		for _, name := range names {
			if p, ok := g.access.Load().certificates[name]; ok {
				return p, nil
			}
		}
		return principal{}, fmt.Errorf("%w: the certificate's names %q are not among the callers", wire.ErrPermissionDenied, names)
	}
	return principal{}, fmt.Errorf("%w: say who calls, by a token or a client's certificate", wire.ErrUnauthenticated)
}

// admit returns an error unless p may do what needs this role.
func admit(p principal, needs role) error {
	if p.role >= needs {
		return nil
	}
	return fmt.Errorf("%w: %s is %s, and this takes %s", wire.ErrPermissionDenied, p.name, p.role, needs)
}

// certificateNames lists whom a certificate names, the most telling first.
func certificateNames(c *x509.Certificate) []string {
	var names []string
	for _, uri := range c.URIs {
		names = append(names, uri.String())
	}
	names = slices.Concat(names, c.EmailAddresses, c.DNSNames)
	if cn := c.Subject.CommonName; cn != "" && !slices.Contains(names, cn) {
		names = append(names, cn)
	}
	return names
}

func parseAccess(data []byte) (*access, error) {
	var list struct {
		Callers []Caller `json:"callers"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("something follows the list of callers")
	}
	if len(list.Callers) == 0 {
		return nil, errors.New("names no caller, so nobody could call")
	}
	a := &access{tokens: make(map[[sha256.Size]byte]principal), certificates: make(map[string]principal)}
	for i, c := range list.Callers {
		if err := a.add(c); err != nil {
			return nil, fmt.Errorf("caller %d, %q: %w", i+1, c.Name, err)
		}
	}
	return a, nil
}

func (a *access) add(c Caller) error {
	p := principal{name: c.Name, role: roles[c.Role]}
	switch {
	case muster.ValidateLine("name", c.Name, maxCaller) != nil:
		return muster.ValidateLine("name", c.Name, maxCaller) // it stands in the history
	case c.Name == "" || strings.HasPrefix(c.Name, "agent/"):
		return errors.New("needs a name of its own that does not begin with agent/")
	case p.role == anyone:
		return fmt.Errorf("role %q is not one of viewer, operator, admin", c.Role)
	case (c.SHA256 == "") == (c.Certificate == ""):
		return errors.New("needs either sha256 or certificate")
	}
	if c.Certificate != "" {
		if _, twice := a.certificates[c.Certificate]; twice {
			return fmt.Errorf("certificate %q is named twice", c.Certificate)
		}
		a.certificates[c.Certificate] = p
		return nil
	}
	hash, err := hex.DecodeString(c.SHA256)
	if err != nil || len(hash) != sha256.Size {
		return errors.New("sha256 is not a hash of 64 hexadecimal digits")
	}
	if _, twice := a.tokens[[sha256.Size]byte(hash)]; twice {
		return errors.New("its sha256 is named twice")
	}
	a.tokens[[sha256.Size]byte(hash)] = p
	return nil
}

// A file is read again when it has changed. It is used by one goroutine.
type file struct {
	path  string
	seen  os.FileInfo
	error string // the last complaint
}

// read returns the content when it has changed since it was last read.
func (f *file) read() (data []byte, changed bool, err error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, false, err
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() {
		return nil, false, nil
	}
	if info.Size() > maxAccess || !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("%s is no file of at most %d bytes", f.path, maxAccess)
	}
	data, err = os.ReadFile(f.path)
	if err != nil {
		return nil, false, err
	}
	f.seen = info
	f.error = ""
	return data, true, nil
}

// complain tells once of what cannot be used.
func (f *file) complain(log *logrus.Entry, err error) {
	if f.error == err.Error() {
		return
	}
	f.error = err.Error()
	log.WithField("file", f.path).WithError(err).Error("cannot use the changed file; what it said before holds")
}

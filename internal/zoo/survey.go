package zoo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	surveyTimeout = 2 * time.Second // for one question to one server, dialling included
	maxWord       = 64 << 10        // bytes of an answer that are read
)

// A Server is what one server says of itself.
type Server struct {
	// Addr is the server as it was named, and where the name stands for several
	// addresses, the address that was asked: "zk:2181 (10.0.0.1:2181)".
	Addr string
	// Problem says why the server does not serve: it cannot be reached, stays
	// silent, or has no quorum. "" when it does.
	Problem string
	Version string
	Mode    string // leader, follower, observer or standalone; "" with a Problem
	Zxid    uint64 // of the last transaction that it knows
	// Requests that wait for an answer, open connections, and how long answers
	// took since the server's start, in milliseconds.
	Outstanding, Connections int64
	AverageLatency           float64
	MaxLatency               int64
	// Settings are those that it runs with; nil where it does not tell.
	Settings *Settings
	// Withheld says why there are no settings: the server's whitelist does not
	// allow the question. "" where it does.
	Withheld string
}

// Settings are a server's own configuration.
type Settings struct {
	ServerID               int64
	Tick                   time.Duration
	InitLimit, SyncLimit   int // in ticks; 0 for a server that is alone
	MinSession, MaxSession time.Duration
	// Members are the servers of the ensemble, by their lines server.N; nil for
	// a server that is alone.
	Members []string
}

// Survey asks each server for its state and settings, by the four-letter words
// srvr and conf, all at the same time and without a session. It takes about
// four seconds at most, or until ctx ends; what cannot be found out is said in
// the answer. Of cfg only Servers, TLS and Dial are looked at.
//
// By default ZooKeeper allows srvr and not conf (4lw.commands.whitelist).
func Survey(ctx context.Context, cfg Config) []Server {
	targets := resolve(ctx, cfg)
	servers := make([]Server, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() { servers[i] = t.ask(ctx) })
	}
	wg.Wait()
	return servers
}

// A target is one server to ask.
type target struct {
	dialer
	server string // as it was named
	addr   string // where it is asked
}

// resolve returns who is to be asked. Behind a name there may be several
// servers, of which an instance may meet any.
func resolve(ctx context.Context, cfg Config) []target {
	d := dialer{dial: cfg.Dial, tls: cfg.TLS}
	if d.dial == nil {
		d.dial = new(net.Dialer).DialContext
	}
	var targets []target
	for _, server := range cfg.Servers {
		addrs := []string{server}
		host, port, err := net.SplitHostPort(server)
		if err == nil && cfg.Dial == nil && net.ParseIP(host) == nil {
			addrs = lookUp(ctx, server, host, port)
		}
		for _, addr := range addrs {
			targets = append(targets, target{d, server, addr})
		}
	}
	return targets
}

// lookUp returns the addresses behind a name; the name where it has but one, or
// cannot be looked up: dialling will say why.
func lookUp(ctx context.Context, server, host, port string) []string {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return []string{server}
	}
	var addrs []string
	for _, ip := range ips {
		if ip = ip.Unmap(); !ip.IsLoopback() { // localhost is one server by two addresses
			addrs = append(addrs, net.JoinHostPort(ip.String(), port))
		}
	}
	slices.Sort(addrs)
	if addrs = slices.Compact(addrs); len(addrs) < 2 {
		return []string{server}
	}
	return addrs
}

func (t target) name() string {
	if t.addr == t.server {
		return t.server
	}
	return t.server + " (" + t.addr + ")"
}

// ask asks one server for all that is to be known.
func (t target) ask(ctx context.Context) Server {
	s := Server{Addr: t.name()}
	var answers [2]string
	var errs [2]error
	var wg sync.WaitGroup
	for i, word := range []string{"srvr", "conf"} {
		wg.Go(func() { answers[i], errs[i] = t.word(ctx, word) })
	}
	wg.Wait()
	err := errs[0]
	if err == nil {
		err = s.readState(answers[0])
	}
	if err != nil {
		s.Problem = err.Error()
	}
	err = errs[1]
	if err == nil {
		s.Settings, err = readSettings(answers[1])
	}
	if errors.Is(err, errWithheld) {
		s.Withheld = err.Error()
	}
	return s
}

// word sends a four-letter word and returns the answer.
func (t target) word(ctx context.Context, word string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, surveyTimeout, fmt.Errorf("no answer for %v", surveyTimeout))
	defer cancel()
	conn, err := t.connect(ctx, "tcp", t.addr, t.server)
	if err != nil {
		return "", because(ctx, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := io.WriteString(conn, word); err != nil {
		return "", because(ctx, err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxWord))
	// A server that has answered may cut the line instead of closing it.
	if err != nil && len(answer) == 0 {
		return "", because(ctx, err)
	}
	if len(answer) == 0 {
		return "", fmt.Errorf("hangs up at %q", word)
	}
	return strings.ToValidUTF8(string(answer), "\uFFFD"), nil
}

// because prefers the reason why a context ended to what came of it.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

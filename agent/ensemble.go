package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/zoo"
)

const (
	surveyEvery = 30 * time.Second // between two looks at the servers' settings
	surveyRest  = time.Second      // nobody who asks has the servers asked more often
)

// An ensemble is what is known of the ZooKeeper servers: their settings decide
// for how long vanished members count (G4). It is safe for concurrent use.
type ensemble struct {
	cfg      zoo.Config
	asked    time.Duration // the session timeout that the agent asks for
	fallback plan.Settings // for servers that do not tell; zero for ZooKeeper's defaults
	fixed    time.Duration // the quarantine that the operator has set; 0 for none

	busy chan struct{} // holds a token while the servers are asked

	mu      sync.Mutex // guards the fields below
	servers []zoo.Server
	at      time.Time          // of servers
	told    map[string]answers // by address
	granted time.Duration      // of the agent's own session; 0 for none so far
}

// Answers are what the servers behind one address told last, by their ids: a
// balancer may lead to another one each time.
type answers map[int64]zoo.Settings

func newEnsemble(cfg Config) *ensemble {
	e := &ensemble{
		cfg:      zoo.Config{Servers: cfg.ZooKeeper, TLS: cfg.ZKTLS, Dial: cfg.Dial},
		asked:    cfg.SessionTimeout,
		fallback: plan.Settings{Tick: cfg.ZKTick, SyncLimit: cfg.ZKSyncLimit},
		fixed:    cfg.Quarantine,
		busy:     make(chan struct{}, 1),
		told:     make(map[string]answers),
	}
	for _, server := range cfg.ZooKeeper {
		e.servers = append(e.servers, zoo.Server{Addr: server, Problem: "was not asked yet"})
	}
	return e
}

// follow asks the servers again and again until ctx ends, and has every answer
// looked at.
func (e *ensemble) follow(ctx context.Context, looked func()) {
	for ctx.Err() == nil {
		e.ask(ctx)
		looked()
		_ = sleep(ctx, jitter(surveyEvery))
	}
}

// ask asks the servers, unless it was done just now. It returns within about
// four seconds, or when ctx ends.
func (e *ensemble) ask(ctx context.Context) {
	select {
	case e.busy <- struct{}{}:
		defer func() { <-e.busy }()
	case <-ctx.Done():
		return
	}
	e.mu.Lock()
	fresh := !e.at.IsZero() && time.Since(e.at) < surveyRest
	e.mu.Unlock()
	if fresh {
		return
	}
	servers := zoo.Survey(ctx, e.cfg)
	if ctx.Err() != nil {
		return // what was not answered says nothing about the servers
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.servers, e.at = servers, time.Now()
	for _, s := range servers {
		if s.Settings != nil {
			if e.told[s.Addr] == nil {
				e.told[s.Addr] = make(answers)
			}
			e.told[s.Addr][s.Settings.ServerID] = *s.Settings
		}
	}
}

// grant notes what the servers granted to the agent's own session.
func (e *ensemble) grant(timeout time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.granted = timeout
}

// quarantine is that of the ensemble as it is known now.
func (e *ensemble) quarantine() plan.Quarantine {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := plan.Quarantine{Fixed: e.fixed}
	for _, s := range e.servers {
		settings, _ := e.settingsLocked(s)
		q.Servers = append(q.Servers, settings)
	}
	return q
}

// settingsLocked returns what is reckoned with for a server. One that does not
// tell its settings now is believed to have those that it told before, and else
// those of the configuration, or worse ones that another server told: it may well
// be serving instances, and it is when it cannot be asked that they matter.
func (e *ensemble) settingsLocked(s zoo.Server) (plan.Settings, muster.SettingsSource) {
	settings, source := e.fallback, muster.SettingsAssumed
	if e.fallback != (plan.Settings{}) {
		source = muster.SettingsConfigured
	}
	if told := e.told[s.Addr]; len(told) > 0 {
		settings = told.worst()
		source = muster.SettingsRemembered
		if s.Settings != nil {
			source = muster.SettingsAsked
		}
	} else {
		for _, told := range e.told {
			settings = worse(settings, told.worst())
		}
	}
	if e.granted > 0 && settings.MaxSession == 0 {
		// It does not tell, and no more than this is proven.
		settings.MaxSession = e.granted
	}
	settings.Alone = s.Mode == "standalone" && len(e.servers) == 1
	return settings, source
}

// worst returns what a quarantine must reckon with; there is one answer at least.
func (a answers) worst() (worst plan.Settings) {
	first := true
	for _, told := range a {
		settings := plan.Settings{Tick: told.Tick, SyncLimit: told.SyncLimit, MaxSession: told.MaxSession}
		if first {
			worst, first = settings, false
		} else {
			worst = worse(worst, settings)
		}
	}
	return worst
}

// worse has the longer lag of two settings and the shorter sessions.
func worse(a, b plan.Settings) plan.Settings {
	most := min(a.Complete().MaxSession, b.Complete().MaxSession)
	if b.Lag() > a.Lag() {
		a = b
	}
	a.MaxSession = most
	return a
}

// describe returns what is known of the servers, for a diagnosis.
func (e *ensemble) describe() muster.ZooKeeper {
	e.mu.Lock()
	defer e.mu.Unlock()
	z := muster.ZooKeeper{Asked: e.at, SessionTimeout: e.asked, Granted: e.granted, TLS: e.cfg.TLS != nil}
	for _, s := range e.servers {
		settings, source := e.settingsLocked(s)
		settings = settings.Complete()
		server := muster.ZooKeeperServer{
			Address: s.Addr, Problem: s.Problem, Version: s.Version, Mode: s.Mode, Zxid: int64(s.Zxid), Outstanding: s.Outstanding,
			MeanLatency: time.Duration(s.AverageLatency * float64(time.Millisecond)),
			MaxLatency:  time.Duration(s.MaxLatency) * time.Millisecond,
			Tick:        settings.Tick, SyncLimit: settings.SyncLimit, MaxSession: settings.MaxSession,
			Source: source, Withheld: s.Withheld,
		}
		if s.Settings != nil {
			server.Members = len(s.Settings.Members)
		}
		z.Servers = append(z.Servers, server)
	}
	return z
}

// worst returns the quarantine of the member that has the least to spare, and of
// one by the SDK's defaults where there is no member.
func worst(q plan.Quarantine, services []muster.Service) muster.Quarantine {
	var found *muster.Instance
	for _, svc := range services {
		for i, m := range svc.Members {
			if m.Problem == "" && (found == nil || spare(q, m.Instance) < spare(q, *found) ||
				spare(q, m.Instance) == spare(q, *found) && q.Needed(m.Instance) > q.Needed(*found)) {
				found = &svc.Members[i].Instance
			}
		}
	}
	if found == nil {
		found = new(muster.Instance)
	}
	lease, session := plan.Times(*found)
	return muster.Quarantine{
		Service: found.Service, Instance: found.ID, Lease: lease, SessionTimeout: session,
		Assumed: found.Lease <= 0 || found.SessionTimeout <= 0,
		Lag:     q.Lag(), Needed: q.Needed(*found), InForce: q.Of(*found), Fixed: q.Fixed > 0,
	}
}

func spare(q plan.Quarantine, i muster.Instance) time.Duration { return q.Of(i) - q.Needed(i) }

// names returns the names of the agents whose nodes these are, sorted.
func names(nodes []string, name func(string) string) []string {
	list := make([]string, len(nodes))
	for i, n := range nodes {
		list[i] = name(n)
	}
	slices.Sort(list)
	return list
}

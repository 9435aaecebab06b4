package plan

import (
	"slices"
	"time"

	"github.com/musterhq/muster"
)

// What is assumed where nobody says better.
const (
	// DefaultTick and DefaultSyncLimit are those of the zoo.cfg that ZooKeeper
	// comes with.
	DefaultTick      = 2 * time.Second
	DefaultSyncLimit = 5
	// DefaultSessionTimeout and DefaultLease are the SDK's, for an instance that
	// does not say its own.
	DefaultSessionTimeout = 8 * time.Second
	DefaultLease          = DefaultSessionTimeout * 3 / 2
)

const (
	// maxSessionTicks is ZooKeeper's bound of a session's timeout where none is
	// configured.
	maxSessionTicks = 20
	// driftShare of all that clocks measure is what two clocks may differ by:
	// each runs wrong by half a percent at most, ten times what NTP ever slews a
	// clock by on purpose (500 ppm). driftFixed is for what is no rate: a timer
	// that fires late, a use of a flag that was under way when the lease ended.
	driftShare = 100
	driftFixed = 500 * time.Millisecond
)

// Settings are what a quarantine depends on in the configuration of one
// ZooKeeper server. The zero value stands for the defaults.
type Settings struct {
	Tick      time.Duration // tickTime
	SyncLimit int           // in ticks
	// MaxSession bounds what the server grants, whatever a client asks for; 0
	// for 20 ticks.
	MaxSession time.Duration
	// Alone: the server has no other beside it, so it is the one that expires
	// the sessions that it answers, and never lags behind itself.
	Alone bool
}

// Lag is how long the server may go on answering after the ensemble has gone on
// without it: a follower gives a silent leader up after syncLimit ticks, and it
// takes up to one tick to notice.
func (s Settings) Lag() time.Duration {
	if s.Alone {
		return 0
	}
	s = s.Complete()
	return time.Duration(s.SyncLimit+1) * s.Tick
}

// Complete fills in the defaults.
func (s Settings) Complete() Settings {
	if s.Tick <= 0 {
		s.Tick = DefaultTick
	}
	if s.SyncLimit <= 0 && !s.Alone {
		s.SyncLimit = DefaultSyncLimit
	}
	if s.MaxSession <= 0 {
		s.MaxSession = maxSessionTicks * s.Tick
	}
	return s
}

// A Quarantine says for how long a vanished member still counts. The zero value
// reckons with one server of default settings.
type Quarantine struct {
	// Fixed is what the operator has set, for all alike; 0 to reckon it for each
	// member.
	Fixed time.Duration
	// Servers are the settings of each ZooKeeper server. The worst of them
	// counts: nobody knows which one an instance is connected to.
	Servers []Settings
}

// Equal lets quarantines be compared.
func (q Quarantine) Equal(o Quarantine) bool {
	return q.Fixed == o.Fixed && slices.Equal(q.Servers, o.Servers)
}

// Of is how long the instance counts after its live entry has gone.
func (q Quarantine) Of(i muster.Instance) time.Duration {
	if q.Fixed > 0 {
		return q.Fixed
	}
	return q.Needed(i)
}

// Needed is for how long the instance may go on as if nothing had happened
// after its live entry has gone, so the shortest quarantine that is safe (G4):
//
//	(syncLimit + 1) × tick + request interval + (lease − session timeout) + drift
//
// The live entry goes at the earliest one session timeout after the leader last
// heard of the session. A server that is cut off from the leader goes on
// answering for a while, so contact is proven anew until then; and the instance
// goes on for a lease after the last proof.
//
// The request interval is what lies between the leader's knowledge and the last
// proof beside that: a heartbeat, for the leader may have heard of the last one
// just before; and the silence that the instance bears, for a server that stood
// still answers what has gathered when it goes on, if only to those who have
// not left it.
func (q Quarantine) Needed(i muster.Instance) time.Duration {
	lease, session := Times(i)
	lag, most := q.ensemble()
	interval := requestInterval(session)
	needed := lag + interval + lease - min(session, most)
	drift := (lag+interval+lease)/driftShare + driftFixed
	return roundUp(max(needed, 0) + drift)
}

// roundUp makes a time that people can read, and never a shorter one.
func roundUp(d time.Duration) time.Duration {
	const whole = 100 * time.Millisecond
	return (d + whole - 1) / whole * whole
}

// Times are the instance's lease and session timeout, as it says or, where it
// does not, as the SDK has them by default; whatever is safer.
func Times(i muster.Instance) (lease, session time.Duration) {
	lease, session = i.Lease, i.SessionTimeout
	if session <= 0 {
		session = DefaultSessionTimeout
	}
	if lease <= 0 {
		lease = max(DefaultLease, session*3/2)
	}
	return lease, session
}

// requestInterval follows from how package zoo keeps a session: a heartbeat each
// quarter of the timeout that was asked for, give or take a tenth, and a server
// that has been silent for two thirds of it is left.
func requestInterval(session time.Duration) time.Duration {
	return session/4 + session/40 + session*2/3
}

// ensemble is the longest lag of the servers, and the shortest bound of what
// they grant: a session that was granted less than it asked for goes earlier.
func (q Quarantine) ensemble() (lag, maxSession time.Duration) {
	servers := q.Servers
	if len(servers) == 0 {
		servers = []Settings{{}}
	}
	for i, s := range servers {
		lag = max(lag, s.Lag())
		if most := s.Complete().MaxSession; i == 0 || most < maxSession {
			maxSession = most
		}
	}
	return lag, maxSession
}

// Lag is the longest lag of the servers.
func (q Quarantine) Lag() time.Duration {
	lag, _ := q.ensemble()
	return lag
}

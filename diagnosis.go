package muster

import "time"

// A Diagnosis is what one agent knows of itself and of what it stands on: facts,
// and no judgement. The command muster doctor judges.
type Diagnosis struct {
	Agent   string // its name
	Version string // of the program
	Leader  string // the agent that leads, "" while none is known
	Leading bool   // it is this one
	Problem string // why the agent is not ready; "" when it is
	// Time is what the agent's clock said when it answered.
	Time time.Time
	// Enrolled are the names of all agents that stand for election.
	Enrolled  []string
	ZooKeeper ZooKeeper
	// Quarantine is that of the member whose quarantine is the shortest beside
	// what it needs.
	Quarantine Quarantine
	Access     Access
	// Records of history there are, -1 when they could not be counted, and how
	// many are kept.
	Records, KeepRecords int
	// Failures are the steps that the agent, as the leader, cannot write.
	Failures []Failure
}

// A ZooKeeper is the ensemble as an agent sees it.
type ZooKeeper struct {
	Servers []ZooKeeperServer
	// Asked is when they were asked; zero when they were not yet.
	Asked time.Time
	// SessionTimeout is what the agent asked for, and Granted what it got; 0
	// while it has no session.
	SessionTimeout, Granted time.Duration
	// Digest: the agent identifies itself by a digest credential. TLS: it
	// connects by TLS.
	Digest, TLS bool
}

// A ZooKeeperServer is what one server says of itself.
type ZooKeeperServer struct {
	Address string
	Problem string // why it does not serve; "" when it does
	Version string
	Mode    string // leader, follower, observer or standalone
	Zxid    int64  // of the last transaction that it knows
	// Outstanding requests wait for an answer. MeanLatency and MaxLatency are how
	// long answers took since the server's start.
	Outstanding             int64
	MeanLatency, MaxLatency time.Duration
	// Tick, SyncLimit (in ticks) and MaxSession are what is reckoned with, and
	// Source says from where they are known.
	Tick       time.Duration
	SyncLimit  int
	MaxSession time.Duration
	Source     SettingsSource
	// Withheld says why the server does not tell its settings; "" when it does.
	Withheld string
	// Members counts the servers of its ensemble; 0 where it does not tell, or is
	// alone.
	Members int
}

// SettingsSource says from where a server's settings are known.
type SettingsSource string

// The sources of settings, from the best to the worst.
const (
	SettingsAsked      SettingsSource = "asked"      // the server told them just now
	SettingsRemembered SettingsSource = "remembered" // it told them before, and does not now
	SettingsConfigured SettingsSource = "configured" // the agent was told
	SettingsAssumed    SettingsSource = "assumed"    // ZooKeeper's defaults
)

// A Quarantine is for how long a vanished member still counts, and why (G4).
type Quarantine struct {
	// Service and Instance name the member; "" when nobody is registered, and
	// one by the defaults of the SDK stands for all.
	Service, Instance     string
	Lease, SessionTimeout time.Duration // of the member
	Assumed               bool          // the member does not say both of them
	Lag                   time.Duration // for which a server may answer that is out of date
	Needed, InForce       time.Duration
	Fixed                 bool // an operator has set what is in force
}

// An Access is how an agent's API is served.
type Access struct {
	Open  bool // everybody may do everything
	Local bool // only this host can reach it
	TLS   bool
}

// A Failure is a step of a feature that cannot be written.
type Failure struct {
	Feature  string
	Since    time.Time
	Attempts int
	Problem  string
}

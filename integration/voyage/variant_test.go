package voyage_test

import (
	"bytes"
	"regexp"
	"time"

	"github.com/musterhq/muster"
)

// A variant is the system with one thing wrong, from outside: by what it is told
// to be, or by what happens to its packets. The zero variant is right.
type variant struct {
	name         string
	breaks       []string // the promises of which one is expected to be found broken
	quarantine   time.Duration
	lease        time.Duration
	onDisconnect muster.OnDisconnect // of every feature; "" for any
	instance     editor              // of what instances say and hear
	agent        editor              // of what agents say and hear
	cut          time.Duration       // how much longer than else instances are cut off
	eager        bool                // operators command more, and cut instances off as they do
	unjudged     bool                // nothing is looked at: only the operations are noted
	unfenced     bool                // the fence itself is not looked at: let the harm be seen
}

const endless = 10 * time.Minute // longer than a voyage

var ackPattern = regexp.MustCompile(`"revision":-?\d+,"applied":(-?\d+)`)

// modest tells of a lease that is not the instance's own, but what is usual for
// its session, so that nobody reckons with it.
func modest(doc []byte) []byte {
	return bytes.ReplaceAll(doc, []byte(`"leaseNanoseconds":600000000000`), []byte(`"leaseNanoseconds":12000000000`))
}

// wrongVariants returns the systems that must not pass.
func wrongVariants() []variant {
	return []variant{
		{
			name: "gate ignored", breaks: []string{"G2"},
			instance: documents(false, replaced(`"gate":"closed"`, `"gate":"open"`)),
		},
		{
			name: "quarantine too short", breaks: []string{"G3"}, eager: true,
			quarantine: time.Millisecond,
		},
		{
			name: "lease too long", breaks: []string{"G4"},
			lease: endless, onDisconnect: muster.FallToAccept, instance: documents(true, modest),
		},
		{
			name: "fence never", breaks: []string{"G3"}, eager: true, unfenced: true, cut: time.Minute,
			lease: endless, onDisconnect: muster.FallToAccept, instance: documents(true, modest),
		},
		{
			name: "ack before drain", breaks: []string{"G3"}, eager: true,
			instance: documents(true, func(doc []byte) []byte {
				return ackPattern.ReplaceAll(doc, []byte(`"revision":$1,"applied":$1`))
			}),
		},
		{
			name: "acks not waited for", breaks: []string{"G1", "G3"},
			agent: documents(false, func(doc []byte) []byte {
				return ackPattern.ReplaceAll(doc, []byte(`"revision":2000000000,"applied":2000000000`))
			}),
		},
		{
			name: "roster not checked", breaks: []string{"G1", "G3"},
			agent: unchecked("/roster"),
		},
		{
			name: "records that do not tell", breaks: []string{"G8"},
			agent: documents(true, func(doc []byte) []byte {
				if !bytes.Contains(doc, []byte(`"action":"move"`)) {
					return doc
				}
				return bytes.ReplaceAll(doc, []byte(`"from":"accept"`), []byte(`"from":"off"`))
			}),
		},
	}
}

package wire_test

import (
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster"
)

// The values that are drawn are what the words allow, and what garbage that was
// read from the registry allows beyond that.
var (
	texts  = rapid.StringN(0, 20, 60).Filter(func(s string) bool { return !strings.ContainsFunc(s, muster.Misleading) }) // as the registry lets in
	keys   = rapid.StringMatching(`[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?`)
	counts = rapid.IntRange(0, 1_000_000)
	stages = rapid.SampledFrom([]muster.Stage{muster.Off, muster.Accept, muster.On})
	gates  = rapid.SampledFrom([]muster.Gate{muster.GateOpen, muster.GateClosed})

	onDisconnects = rapid.SampledFrom([]muster.OnDisconnect{"", muster.FallToAccept, muster.Hold, muster.Stop})

	constraints = rapid.SampledFrom([]muster.Constraint{
		{}, muster.MustConstraint(">=2.0.0"), muster.MustConstraint("^1.4 || 5.x"), muster.MustConstraint(">=2.1.0-0"),
	})
	spans   = rapid.Map(rapid.Int64Range(0, int64(muster.MaxLease)), func(n int64) time.Duration { return time.Duration(n) })
	moments = rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "never") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")).UTC()
	})
)

// listOf draws lists; an empty one is nil.
func listOf[T any](of *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.Map(rapid.SliceOfN(of, 0, 3), func(s []T) []T {
		if len(s) == 0 {
			return nil
		}
		return s
	})
}

// mapOf draws maps; an empty one is nil.
func mapOf[T any](key *rapid.Generator[string], of *rapid.Generator[T]) *rapid.Generator[map[string]T] {
	return rapid.Map(rapid.MapOfN(key, of, 0, 3), func(m map[string]T) map[string]T {
		if len(m) == 0 {
			return nil
		}
		return m
	})
}

var features = rapid.Custom(func(t *rapid.T) muster.Feature {
	key := keys.Draw(t, "key")
	f := muster.Feature{
		Status: muster.Status{
			Feature: key, Desired: stages.Draw(t, "desired"), Stage: stages.Draw(t, "stage"),
			Epoch: rapid.Int64().Draw(t, "epoch"), Gate: gates.Draw(t, "gate"),
			Spec: rapid.Int64().Draw(t, "spec"), DesiredSpec: rapid.Int64().Draw(t, "desired spec"),
			Deleting: rapid.Bool().Draw(t, "deleting"), Deleted: rapid.Bool().Draw(t, "deleted"),
			Since: moments.Draw(t, "since"), Changed: moments.Draw(t, "changed"),
			By: texts.Draw(t, "by"), Why: texts.Draw(t, "why"), Operation: texts.Draw(t, "operation"),
		},
		Blockers: listOf(blockers).Draw(t, "blockers"),
	}
	if rapid.Bool().Draw(t, "readable") {
		f.Spec = specs(key).Draw(t, "in force")
	}
	if rapid.Bool().Draw(t, "pending") {
		pending := specs(key).Draw(t, "to come")
		f.Pending = &pending
	}
	return f
})

func specs(key string) *rapid.Generator[muster.Spec] {
	return rapid.Custom(func(t *rapid.T) muster.Spec {
		return muster.Spec{
			Feature: key, Revision: rapid.Int64().Draw(t, "revision"),
			Description: texts.Draw(t, "description"), Owner: texts.Draw(t, "owner"),
			Participants: mapOf(keys, rapid.Custom(func(t *rapid.T) muster.Participant {
				return muster.Participant{Version: constraints.Draw(t, "version"), MinInstances: counts.Draw(t, "minimum")}
			})).Draw(t, "participants"),
			OnDisconnect: onDisconnects.Draw(t, "onDisconnect"),
			OldInstance:  rapid.SampledFrom([]muster.OnOldInstance{"", muster.Refuse, muster.RollBack}).Draw(t, "onOldInstance"),
			Vanished:     rapid.SampledFrom([]muster.Vanished{"", muster.Reap, muster.Confirm}).Draw(t, "vanished"),

			Prerequisites: listOf(keys).Draw(t, "prerequisites"),
		}
	})
}

var blockers = rapid.Custom(func(t *rapid.T) muster.Blocker {
	return muster.Blocker{
		Reason: muster.Reason(texts.Draw(t, "reason")), Service: texts.Draw(t, "service"), Instance: texts.Draw(t, "instance"),
		Version: texts.Draw(t, "version"), Constraint: constraints.Draw(t, "constraint"), Since: moments.Draw(t, "since"),
		Until: moments.Draw(t, "until"), Count: counts.Draw(t, "count"), Detail: texts.Draw(t, "detail"),
	}
})

var refusals = rapid.Custom(func(t *rapid.T) muster.Refusal {
	return muster.Refusal{
		Feature: texts.Draw(t, "feature"), Stage: stages.Draw(t, "stage"),
		Constraint: constraints.Draw(t, "constraint"), Version: texts.Draw(t, "version"),
	}
})

var services = rapid.Custom(func(t *rapid.T) muster.Service {
	name := keys.Draw(t, "name")
	return muster.Service{
		Sheet: muster.Sheet{
			Service: name, Revision: rapid.Int32().Draw(t, "revision"),
			Features: mapOf(keys, rapid.Custom(func(t *rapid.T) muster.Entry {
				return muster.Entry{
					Stage: stages.Draw(t, "stage"), Epoch: rapid.Int64().Draw(t, "epoch"), Since: rapid.Int32().Draw(t, "since"),
					Spec: rapid.Int64().Draw(t, "spec"), Constraint: constraints.Draw(t, "constraint"),
					Gate: gates.Draw(t, "gate"), OnDisconnect: onDisconnects.Draw(t, "onDisconnect"),
				}
			})).Draw(t, "features"),
		},
		Roster:  rapid.Int32().Draw(t, "roster"),
		Members: listOf(members(name)).Draw(t, "members"),
		Knocks: listOf(rapid.Custom(func(t *rapid.T) muster.Knock {
			return muster.Knock{
				Instance: members(name).Draw(t, "who").Instance, Refusals: listOf(refusals).Draw(t, "refusals"),
				Since: moments.Draw(t, "since"), Problem: texts.Draw(t, "problem"),
			}
		})).Draw(t, "knocks"),
		Problem: texts.Draw(t, "problem"),
	}
})

func members(service string) *rapid.Generator[muster.Member] {
	return rapid.Custom(func(t *rapid.T) muster.Member {
		return muster.Member{
			Instance: muster.Instance{
				Service: service, ID: keys.Draw(t, "id"), Incarnation: keys.Draw(t, "incarnation"), Version: texts.Draw(t, "version"),
				Labels: mapOf(texts, texts).Draw(t, "labels"), Started: moments.Draw(t, "started"),
				Address: texts.Draw(t, "address"), SDK: texts.Draw(t, "SDK"),
				Lease: spans.Draw(t, "lease"), SessionTimeout: spans.Draw(t, "session timeout"),
			},
			Live: rapid.Bool().Draw(t, "live"),
			Ack: muster.Ack{
				Revision: rapid.Int32().Draw(t, "acked"), Applied: rapid.Int32().Draw(t, "applied"),
				Draining: counts.Draw(t, "draining"), Oldest: moments.Draw(t, "oldest"),
			},
			Vanished: moments.Draw(t, "vanished"), Problem: texts.Draw(t, "problem"),
		}
	})
}

var records = rapid.Custom(func(t *rapid.T) muster.Record {
	return muster.Record{
		ID: texts.Draw(t, "id"), Time: moments.Draw(t, "time"), Action: muster.Action(texts.Draw(t, "action")),
		Feature: texts.Draw(t, "feature"), Service: texts.Draw(t, "service"), Instance: texts.Draw(t, "instance"),
		From: stages.Draw(t, "from"), To: stages.Draw(t, "to"), Gate: gates.Draw(t, "gate"),
		Epoch: rapid.Int64().Draw(t, "epoch"), Spec: rapid.Int64().Draw(t, "spec"),
		By: texts.Draw(t, "by"), Why: texts.Draw(t, "why"), Operation: texts.Draw(t, "operation"),
		Evidence: mapOf(keys, rapid.Custom(func(t *rapid.T) muster.Evidence {
			return muster.Evidence{
				Roster: rapid.Int32().Draw(t, "roster"), Revision: rapid.Int32().Draw(t, "revision"),
				Members: counts.Draw(t, "members"), Live: counts.Draw(t, "live"), Acked: counts.Draw(t, "acked"),
				Versions: mapOf(texts, counts).Draw(t, "versions"), Checked: rapid.Bool().Draw(t, "checked"),
			}
		})).Draw(t, "evidence"),
	}
})

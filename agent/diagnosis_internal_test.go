package agent

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

func TestDiagnosis(t *testing.T) {
	t.Parallel()
	inOffice(t, func(t *testing.T, o *office) {
		o.serve("a1")
		o.serve("a2")
		o.join("checkout", "c1", "2.0.0")
		c := o.client("a1", "a2")
		o.until("an agent has seen the instance", o.agents[0].mirror.Changed, func() bool {
			svc, _ := o.agents[0].mirror.Service("checkout")
			return len(svc.Members) == 1
		})
		for i, a := range c.Diagnoses(t.Context()) {
			d := a.Diagnosis
			if a.Err != nil || d.Agent != []string{"a1", "a2"}[i] || d.Leader != "a1" || d.Leading != (i == 0) || d.Problem != "" {
				t.Errorf("%s: got %+v, %v", a.Addr, d, a.Err)
			}
			if len(d.Enrolled) != 2 || d.Records != 0 || d.KeepRecords != 10_000 || !d.Access.Open || d.Time.Before(a.Asked) || d.Time.After(a.Answered) {
				t.Errorf("%s: got %+v", a.Addr, d)
			}
			z := d.ZooKeeper
			if len(z.Servers) != 1 || z.Servers[0].Mode != "standalone" || z.Servers[0].Source != muster.SettingsAsked || z.Granted != 8*time.Second {
				t.Errorf("%s: got %+v", a.Addr, z)
			}
			if q := d.Quarantine; !q.Fixed || q.InForce != 20*time.Second || q.Lag != 0 {
				t.Errorf("%s: got %+v", a.Addr, q)
			}
		}
		if q := c.Diagnoses(t.Context())[0].Diagnosis.Quarantine; q.Instance != "c1" || !q.Assumed || q.Lease != 12*time.Second {
			t.Errorf("the instance that says nothing of its lease: got %+v", q)
		}
	})
}

// A diagnosis is wanted most when ZooKeeper is away or silent: it comes in
// seconds, and says so.
func TestDiagnosisWithoutZooKeeper(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(o *office){
		"cut off": func(o *office) { o.agents[0].network.setCut(true) },
		"silent":  func(o *office) { o.server.Faults().Silence(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inOffice(t, func(t *testing.T, o *office) {
				o.serve("a1")
				c := o.client("a1", "a9")
				harm(o)
				time.Sleep(20 * time.Second)
				began := time.Now()
				answers := c.Diagnoses(t.Context())
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("took %s", took)
				}
				d := answers[0].Diagnosis
				if answers[0].Err != nil || d.Problem == "" || d.Records != -1 {
					t.Errorf("got %+v, %v", d, answers[0].Err)
				}
				if s := d.ZooKeeper.Servers[0]; s.Problem == "" || s.Source != muster.SettingsRemembered {
					t.Errorf("the server: got %+v", s)
				}
				if answers[1].Err == nil {
					t.Error("an agent that is not there answered")
				}
			})
		})
	}
}

// A step that ZooKeeper refuses to have written is what the feature waits for:
// status says so, and since when, until it is written.
func TestStepThatCannotBeWrittenIsABlocker(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		two := f.agent("two")
		f.join("svc", "a", "2.0.0")
		f.order(one, muster.ActionApply, "f", featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.await("f", "is adopted", func(s muster.Status) bool { return s.Settled() && s.Spec == 1 })
		hand := zkservertest.Connect(t, f.server, 10*time.Second)
		deny := func(perms int32) {
			if _, err := hand.SetACL(root+"/services/svc", zk.WorldACL(perms), -1); err != nil {
				t.Fatal(err)
			}
		}
		deny(zk.PermRead | zk.PermAdmin | zk.PermCreate | zk.PermDelete)
		began := time.Now()
		f.order(one, muster.ActionActivate, "f", nil)
		f.awaitBlocked(one, "f", "NOT_WRITTEN /")
		feature, _ := one.mirror.Feature("f")
		if b := feature.Blockers[0]; b.Count < 1 || b.Since.Before(began) || !strings.Contains(b.Detail, "denied") {
			t.Errorf("got %+v", b)
		}
		if failures := one.mirror.Failures(); len(failures) != 1 || failures[0].Feature != "f" {
			t.Errorf("failures: got %+v", failures)
		}
		// The other agent cannot know why, but sees that nothing happens.
		f.awaitBlocked(two, "f", "NOT_WRITTEN /")
		if feature, _ := two.mirror.Feature("f"); !strings.Contains(feature.Blockers[0].Detail, "agent one, which leads") {
			t.Errorf("the other agent says %+v", feature.Blockers[0])
		}
		deny(zk.PermAll)
		f.awaitOn("f")
		f.awaitBlocked(one, "f")
		f.awaitBlocked(two, "f")
		if failures := one.mirror.Failures(); len(failures) != 0 {
			t.Errorf("failures: got %+v", failures)
		}
	})
}

// A feature that wants vanished instances to be confirmed holds those of its
// services for others, too; they say so, and how to go on.
func TestVanishedWaitsForAnotherFeaturesConfirmation(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "a", "2.0.0")
		f.join("svc", "b", "2.0.0").vanish()
		careful := featureSpec("careful", map[string]string{"svc": ">=2.0.0", "nobody": ">=1.0.0"}, func(s *muster.Spec) { s.Vanished = muster.Confirm })
		f.order(one, muster.ActionApply, "careful", careful)
		f.await("careful", "is adopted", func(s muster.Status) bool { return s.Settled() && s.Spec == 1 })
		f.start(one, featureSpec("usual", map[string]string{"svc": ">=2.0.0"}))
		f.awaitBlocked(one, "usual", "VANISHED svc/b")
		f.order(one, muster.ActionActivate, "careful", nil) // it waits at off, and changes no sheet
		began := time.Now()
		f.awaitBlocked(one, "usual", "UNCONFIRMED svc/b")
		if took := time.Since(began); took > tick/5 {
			t.Errorf("status told it after %s", took)
		}
		time.Sleep(10 * time.Minute)
		f.awaitBlocked(one, "usual", "UNCONFIRMED svc/b")
		svc, _ := one.mirror.Service("svc")
		st, node, err := one.Agent.store()
		if err != nil {
			t.Fatal(err)
		}
		gone, _ := vanished(svc, "b")
		if err := decommission(t.Context(), st, node, gone[0], muster.Record{Action: muster.ActionDecommission, Time: time.Now(), Operation: "op"}); err != nil {
			t.Fatal(err)
		}
		f.awaitOn("usual")
	})
}

// Nor is it a secret when every answer to a step gets lost: each attempt may
// have failed for a usual reason, and all of them together do not.
func TestStepThatIsNeverAnsweredIsABlocker(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "a", "2.0.0")
		f.order(one, muster.ActionApply, "f", featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.await("f", "is adopted", func(s muster.Status) bool { return s.Settled() && s.Spec == 1 })
		f.server.Faults().OnRequest(func(q zkserver.Request) zkserver.Verdict {
			if q.Op == "multi" && slices.Contains(q.Paths, root+"/services/svc") {
				return zkserver.Verdict{Do: zkserver.DropBefore}
			}
			return zkserver.Verdict{}
		})
		f.order(one, muster.ActionActivate, "f", nil)
		f.awaitBlocked(one, "f", "NOT_WRITTEN /")
		if feature, _ := one.mirror.Feature("f"); feature.Blockers[0].Count <= lasting {
			t.Errorf("got %+v after a few attempts", feature.Blockers[0])
		}
		f.server.Faults().OnRequest(nil)
		f.awaitOn("f")
		f.awaitBlocked(one, "f")
	})
}

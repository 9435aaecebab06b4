package agent

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster"
)

// Case 35: whatever lies in a znode that we read, it is named with its path,
// left as it is, and stops nobody else.
func TestCase35Garbage(t *testing.T) {
	t.Parallel()
	const member = root + "/services/svc/members/bad~00000000"
	for name, tc := range map[string]struct {
		path, body string
		feature    string // that names it; "" for none
	}{
		"a status":                   {root + "/features/bad", `{"format":1,`, "bad"},
		"a status of the future":     {root + "/features/bad", `{"format":2}`, "bad"},
		"a status of another":        {root + "/features/bad", `{"format":1,"feature":"good"}`, "bad"},
		"a status of a hostile hand": {root + "/features/bad", `{"format":1,"feature":"bad","by":"x\u001b[2J"}`, "bad"},
		"a status of the wrong type": {root + "/features/bad", `{"format":1,"feature":"bad","epoch":"three"}`, "bad"},
		"a spec of the future":       {root + "/features/bad/specs/1", `{"format":2}`, "bad"},
		"a spec nobody may apply":    {root + "/features/bad/specs/1", `{"format":1,"feature":"bad","revision":1,"participants":{}}`, "bad"},
		"a sheet cut short":          {root + "/services/svc", `{"format":1,"service":"svc","features":{"bad":{"sta`, "bad"},
		"a sheet without constraint": {root + "/services/svc", `{"format":1,"service":"svc","features":{"bad":{}}}`, "bad"},
		"a huge sheet":               {root + "/services/svc", strings.Repeat("x", 900<<10), "bad"},
		"a member in two lines":      {member, `{"format":1,"service":"svc","id":"bad","incarnation":"00000000","version":"1\n2"}`, "bad"},
		"a roster":                   {root + "/services/svc/roster", "nonsense", ""}, // its version is what counts
		"the members' folder":        {root + "/services/svc/members", "nonsense", ""},
		"the history's folder":       {root + "/history", "nonsense", ""},
		"a spec":                     {root + "/features/bad/specs/1", "\x00\xff", "bad"},
		"a sheet":                    {root + "/services/svc", "", "bad"},
		"a member":                   {member, "[]", "bad"},
		"a live entry":               {root + "/services/svc/live/bad~00000000", "nonsense", "bad"},
		"a knock":                    {root + "/services/svc/knocks/bad~00000000", "nonsense", "bad"},
		"a feature of an evil name":  {root + "/features/Ä b", "nonsense", ""},
		"a service of an evil name":  {root + "/services/Ä b", "nonsense", ""},
		"a record":                   {root + "/history/r-0000000003", "nonsense", ""},
		"something among the agents": {root + "/agents/x", "nonsense", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFleet(t, func(t *testing.T, f *fleet) {
				one := f.agent("one")
				f.join("svc", "a", "2.0.0")
				f.join("other", "a", "2.0.0")
				for _, key := range []string{"bad", "good"} {
					f.order(one, muster.ActionApply, key, featureSpec(key, map[string]string{map[string]string{"bad": "svc", "good": "other"}[key]: ">=2.0.0"}))
					f.await(key, "is adopted", func(s muster.Status) bool { return s.Spec == 1 })
				}
				if strings.Contains(tc.path, "/live/") {
					f.write(member, `{"format":1,"service":"svc","id":"bad","incarnation":"00000000","version":"2.0.0"}`)
				}
				f.write(tc.path, tc.body)
				two := f.agent("two") // one remembers what it read before
				if tc.feature != "" {
					if !strings.HasPrefix(name, "a status") {
						f.order(one, muster.ActionActivate, tc.feature, nil) // nothing is in the way of nothing
					}
					f.until("the path is named", two.mirror.Changed, func() bool {
						feature, _ := two.mirror.Feature(tc.feature)
						return slices.ContainsFunc(feature.Blockers, func(b muster.Blocker) bool {
							return b.Reason == muster.ReasonUnreadable && strings.Contains(b.Detail, tc.path)
						})
					})
				}
				time.Sleep(time.Minute)
				f.order(two, muster.ActionActivate, "good", nil)
				f.awaitOn("good")
				node, err := f.zk.Get(t.Context(), tc.path)
				if err != nil || string(node.Data) != tc.body {
					t.Errorf("got %q, %v; want it as it was", node.Data, err)
				}
				select {
				case <-one.done:
					t.Error("the agent ended")
				default:
				}
			})
		})
	}
}

// While the spec in force cannot be read nothing moves: nobody can tell whom
// the next one would surprise.
func TestGarbageInForceHoldsTheNextSpec(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "a", "2.0.0")
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		on := f.awaitOn("f")
		f.write(root+"/features/f/specs/1", "nonsense")
		one.stop()
		two := f.agent("two")
		f.order(two, muster.ActionApply, "f", featureSpec("f", map[string]string{"other": ">=1.0.0"}))
		time.Sleep(time.Minute)
		f.awaitBlocked(two, "f", "UNREADABLE /")
		if now := f.await("f", "is there", func(muster.Status) bool { return true }); now.Spec != 1 || now.Epoch != on.Epoch {
			t.Errorf("got %+v, want it where it was, %+v", now, on)
		}
	})
}

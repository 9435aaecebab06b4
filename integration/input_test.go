package integration_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// Case 34: whatever comes in by the API, past our own client, which would not
// send it: a clear error, and nothing has changed.
func TestCase34BadInputByTheAPI(t *testing.T) {
	onEach(t, func(f *fleet) {
		conn, err := grpc.NewClient("passthrough:///"+f.agents[0].Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			f.Fatal(err)
		}
		defer conn.Close()
		api := musterv1.NewFeatureServiceClient(conn)
		long := strings.Repeat("x", 10<<10)
		for name, tc := range map[string]struct {
			feature, service, version, description string
			reason                                 string
			want                                   codes.Code
			says                                   string
		}{
			"no constraint":          {service: "checkout", says: "version"},
			"no version constraint":  {service: "checkout", version: "banana", says: "banana"},
			"contradicts itself":     {service: "checkout", version: ">2.0.0, <1.0.0", says: "no version satisfies it"},
			"a long constraint":      {service: "checkout", version: ">=1" + strings.Repeat(" ", 300), says: "longer than"},
			"a name with a slash":    {feature: "a/b", service: "checkout", version: ">=1.0.0", says: "lower-case"},
			"a name with dots":       {feature: "..", service: "checkout", version: ">=1.0.0", says: "lower-case"},
			"a name of 10 kB":        {feature: long, service: "checkout", version: ">=1.0.0", says: "longer than 100 bytes"},
			"a service with a slash": {service: "a/b", version: ">=1.0.0", says: "lower-case"},
			"a service of 10 kB":     {service: long, version: ">=1.0.0", says: "longer than 100 bytes"},
			"a long description":     {service: "checkout", version: ">=1.0.0", description: long, says: "longer than"},
			"a long reason":          {service: "checkout", version: ">=1.0.0", reason: long, says: "longer than"},
			"a spec of 2 MB":         {service: "checkout", version: ">=1.0.0", description: strings.Repeat("x", 2<<20), want: codes.ResourceExhausted, says: "larger than max"},
		} {
			if tc.feature == "" {
				tc.feature = feature
			}
			if tc.want == codes.OK {
				tc.want = codes.InvalidArgument
			}
			ctx, cancel := context.WithTimeout(f.ctx, patience)
			_, err := api.ApplyFeature(ctx, &musterv1.ApplyFeatureRequest{Reason: tc.reason, Feature: &musterv1.Feature{
				Name: "features/" + tc.feature,
				Spec: &musterv1.Spec{Description: tc.description, Participants: map[string]*musterv1.Participant{tc.service: {Version: tc.version}}},
			}})
			cancel()
			if status.Code(err) != tc.want || !strings.Contains(err.Error(), tc.says) {
				f.Errorf("%s: got %.300v, want %s that says %q", name, err, tc.want, tc.says)
			}
			if err != nil && len(err.Error()) > 1000 {
				f.Errorf("%s: the error has %d bytes", name, len(err.Error()))
			}
		}
		features, err := f.client.Features(f.ctx)
		if err != nil || len(features) != 0 {
			f.Errorf("there are features now: %v, %v", features, err)
		}
		if records := f.history(""); len(records) != 0 {
			f.Errorf("there is a history now:\n%s", show(records))
		}
	})
}

// Case 35: garbage in any znode that we read is reported with its path, and left
// as it is; the rest keeps working, and what stands at on goes on as it did.
func TestCase35GarbageInZnodes(t *testing.T) {
	onEach(t, func(f *fleet) {
		zk := f.zoo()
		good := f.join("good", "g1", "2.0.0")
		f.apply(spec("healthy", "good", ">=2.0.0"))
		for _, tc := range []struct{ name, path, body string }{
			{"status", "/features/%[1]s", `{"format":1,"feature":`},
			{"future", "/features/%[1]s", `{"format":2}`},
			{"sheet", "/services/%[1]s", "\x00\xff\xfe"},
			{"member", "/services/%[1]s/members/m2~%[2]s", "[1,2"},
			{"live", "/services/%[1]s/live/m1~%[2]s", `"hand-edited"`},
		} {
			i := f.join(tc.name, "m1", "2.0.0")
			f.apply(spec(tc.name, tc.name, ">=2.0.0"))
			f.activate(tc.name)
			f.awaitStage(tc.name, muster.On)
			i.awaitStage(tc.name, muster.On)
			f.awaitAcked(tc.name, tc.name, 1)

			path := f.root + fmt.Sprintf(tc.path, tc.name, i.Instance().Incarnation)
			f.overwrite(zk, path, tc.body)
			if tc.name == "live" { // the instance's own: it is asserted again
				f.awaitAcked(tc.name, tc.name, 1)
				continue
			}
			if strings.HasPrefix(tc.path, "/services") {
				f.until("the service names "+path, func() bool { return strings.Contains(show(f.service(tc.name)), path) })
				f.deactivate(tc.name) // which has to read it
			}
			if b := f.awaitBlockerSaying(tc.name, path); b.Reason != muster.ReasonUnreadable {
				f.Errorf("%s: reported as %s", tc.name, b)
			}
			if tc.name != "member" && i.stage(tc.name) != muster.On {
				f.Errorf("%s: the instance went to %s for it", tc.name, i.stage(tc.name))
			}
			node, err := zk.Get(f.ctx, path)
			if err != nil || string(node.Data) != tc.body {
				f.Errorf("%s: overwritten with %q, %v", tc.name, node.Data, err)
			}
		}
		f.activate("healthy")
		f.awaitStage("healthy", muster.On)
		good.awaitStage("healthy", muster.On)
		f.judge(spec("healthy", "good", ">=2.0.0"))
	})
}

// overwrite is what a hand does that should not: it writes a znode, and makes it
// where there is none.
func (f *fleet) overwrite(zk *zoo.Session, path, body string) {
	f.Helper()
	var t zoo.Txn
	if _, err := zk.Get(f.ctx, path); errors.Is(err, zoo.ErrNoNode) {
		t.Create(path, []byte(body), zoo.Persistent)
	} else {
		t.Set(path, []byte(body), -1)
	}
	if _, err := zk.Commit(f.ctx, t); err != nil {
		f.Fatalf("write %s: %v", path, err)
	}
}

// awaitBlockerSaying waits until the feature waits for something that the text
// occurs in.
func (f *fleet) awaitBlockerSaying(key, text string) (found muster.Blocker) {
	f.Helper()
	f.awaitFeature(key, "it names "+text, func(now muster.Feature) bool {
		for _, b := range now.Blockers {
			if strings.Contains(b.Detail, text) {
				found = b
				return true
			}
		}
		return false
	})
	return found
}

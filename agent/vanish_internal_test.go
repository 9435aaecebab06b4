package agent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
)

func TestObserve(t *testing.T) {
	t.Parallel()
	t0 := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	member := func(incarnation string, version int32, live bool) muster.Member {
		return muster.Member{Instance: muster.Instance{ID: "one", Incarnation: incarnation}, Version: version, Live: live}
	}
	// Each line is one look at a roster of one entry at a time: what is seen, and
	// since when it must be taken to be gone.
	var gone absences
	for i, look := range []struct {
		at     int
		member muster.Member
		want   time.Time
	}{
		{0, member("aaaaaa", 0, true), time.Time{}},
		{1, member("aaaaaa", 0, false), at(1)},
		{5, member("aaaaaa", 0, false), at(1)},
		{6, member("aaaaaa", 1, false), at(6)}, // back and gone again between two looks
		{7, member("aaaaaa", 1, true), time.Time{}},
		{8, member("aaaaaa", 1, false), at(8)}, // what was seen before it was live is forgotten
		{9, member("bbbbbb", 1, false), at(9)}, // another process under the same name
	} {
		members := []muster.Member{look.member}
		gone = gone.observe(members, at(look.at))
		if diff := cmp.Diff(members[0].Vanished, look.want); diff != "" {
			t.Errorf("look %d (-got +want):\n%s", i, diff)
		}
	}
	if len(gone) != 1 {
		t.Errorf("remembers %d absences, want that of the one member", len(gone))
	}
}

package integration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// at is a moment of the runs below, in milliseconds.
func at(ms int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
}

func tells(ms int, kind sdk.EventKind) mark { return mark{Time: at(ms), Kind: kind} }

func stands(ms int, stage muster.Stage, epoch int64) mark {
	return mark{Time: at(ms), Kind: sdk.EventStage, Feature: "f", Stage: stage, Epoch: epoch, Revision: int32(epoch)}
}

func lived(id, version string, marks ...mark) *life {
	return &life{Service: "a", ID: id, Version: version, marks: marks}
}

func move(ms int, from, to muster.Stage, epoch int64, members int) muster.Record {
	return muster.Record{
		Time: at(ms), Action: muster.ActionMove, From: from, To: to, Epoch: epoch, Gate: muster.GateClosed, Operation: at(ms).String(),
		Evidence: map[string]muster.Evidence{"a": {Members: members, Live: members, Acked: members, Versions: map[string]int{"2.0.0": members}}},
	}
}

// rightRun is a run with nothing wrong: up, and down to accept.
func rightRun() judge {
	return judge{
		feature:      "f",
		participants: spec("f", "a", ">=2.0.0").WithDefaults().Participants,
		brief:        time.Second,
		end:          at(1000),
		records: []muster.Record{
			{Time: at(0), Action: muster.ActionApply, Operation: "apply"},
			{Time: at(1), Action: muster.ActionAdopt, Operation: "adopt"},
			move(100, muster.Off, muster.Accept, 1, 2),
			move(200, muster.Accept, muster.On, 2, 2),
			move(300, muster.On, muster.Accept, 3, 2),
			move(400, muster.Accept, muster.Off, 4, 2),
		},
		lives: []*life{
			lived("a1", "2.0.0", tells(10, sdk.EventJoined), stands(110, muster.Accept, 1), stands(210, muster.On, 2), stands(320, muster.Accept, 3), stands(410, muster.Off, 4)),
			lived("a2", "2.0.0", tells(20, sdk.EventJoined), stands(120, muster.Accept, 1), stands(280, muster.On, 2), stands(310, muster.Accept, 3), stands(490, muster.Off, 4)),
		},
	}
}

func TestJudgeFindsNothingWrongWithARightRun(t *testing.T) {
	t.Parallel()
	for name, add := range map[string]*life{
		"as it is":                    lived("a3", "2.0.0"),
		"old, ended before":           lived("a3", "1.0.0", tells(30, sdk.EventJoined), tells(99, markTerm)),
		"old, refused":                lived("a3", "1.0.0", tells(130, sdk.EventRefused)),
		"old, of other services":      {Service: "b", Version: "1.0.0", marks: []mark{tells(30, sdk.EventJoined)}},
		"born at on":                  lived("a3", "2.0.0", mark{Time: at(230), Kind: sdk.EventJoined, Revision: 2}, stands(231, muster.On, 2), stands(330, muster.Accept, 3), tells(350, markTerm)),
		"killed before it acks":       lived("a3", "2.0.0", tells(30, sdk.EventJoined), tells(150, markKill)),
		"stopped for long":            lived("a3", "2.0.0", tells(30, sdk.EventJoined), tells(105, markStop), tells(1500, markCont)),
		"at accept twice, on missed":  lived("a3", "2.0.0", tells(30, sdk.EventJoined), stands(140, muster.Accept, 1), stands(460, muster.Off, 4)),
		"joined as it was told to go": lived("a3", "1.0.0", tells(220, markTerm), tells(221, sdk.EventJoined)),
		"fenced":                      lived("a3", "2.0.0", tells(30, sdk.EventJoined), tells(140, sdk.EventFenced), stands(141, muster.Accept, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := rightRun()
			run.lives = append(run.lives, add)
			if wrong := run.judged(); len(wrong) > 0 {
				t.Errorf("found:\n%s", strings.Join(wrong, "\n"))
			}
		})
	}
}

func TestJudgeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(*judge)
		want  string
	}{
		"an old one is a member while it is on": {func(j *judge) {
			j.lives = append(j.lives, lived("a3", "1.0.0", tells(230, sdk.EventJoined)))
		}, "a/a3 at 1.0.0 was a member"},
		"an old one was overlooked when it left off": {func(j *judge) {
			j.lives = append(j.lives, lived("a3", "1.0.0", tells(90, sdk.EventJoined), tells(112, markKill)))
		}, "a/a3 at 1.0.0 was a member"},
		"one was not waited for": {func(j *judge) {
			j.lives = append(j.lives, lived("a3", "2.0.0", tells(30, sdk.EventJoined), stands(250, muster.Accept, 1)))
		}, "when the feature left accept"},
		"a brief stop is not waited for": {func(j *judge) {
			j.lives = append(j.lives, lived("a3", "2.0.0", tells(30, sdk.EventJoined), tells(50, markStop), tells(60, markCont), stands(250, muster.Accept, 1)))
		}, "when the feature left accept"},
		"one at on is not waited for on the way down": {func(j *judge) {
			j.lives[1].marks[3] = stands(450, muster.Accept, 3)
		}, "a/a2 had told of on (epoch 2) when the feature left accept for off"},
		"off beside on": {func(j *judge) {
			j.lives[1].marks[1] = stands(230, muster.Accept, 1)
		}, "a/a1 was at on (epoch 2) and a/a2 at off (epoch 0)"},
		"an epoch twice": {func(j *judge) {
			j.records = append(j.records, move(450, muster.Off, muster.Accept, 4, 2))
		}, "the epoch grew by 0"},
		"an epoch left out": {func(j *judge) {
			j.records = append(j.records, move(450, muster.Off, muster.Accept, 6, 2))
		}, "the epoch grew by 2"},
		"a stage is skipped": {func(j *judge) {
			j.records = append(j.records, move(450, muster.Off, muster.On, 5, 2))
		}, "not a step between neighbours"},
		"a record is missing": {func(j *judge) {
			j.records = append(j.records[:3:3], j.records[4:]...)
		}, "begins at on, where the one before ended at accept"},
		"a step is done twice": {func(j *judge) {
			j.records[3].Operation = j.records[2].Operation
		}, "was carried out before"},
		"it left off with an old one": {func(j *judge) {
			j.records[2].Evidence["a"].Versions["1.9.0"] = 1
		}, "a had 1 members at 1.9.0, want >=2.0.0"},
		"it left accept with acks missing": {func(j *judge) {
			j.records[3].Evidence["a"] = muster.Evidence{Members: 2, Live: 2, Acked: 1}
		}, "a had 2 members, of which 1 had acked"},
		"the gate is open at accept": {func(j *judge) {
			j.records[2].Gate = muster.GateOpen
		}, "leaves the gate open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := rightRun()
			tc.spoil(&run)
			if wrong := strings.Join(run.judged(), "\n"); !strings.Contains(wrong, tc.want) {
				t.Errorf("found:\n%s\nwant %q", wrong, tc.want)
			}
		})
	}
}

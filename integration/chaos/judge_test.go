package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster"
)

func at(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC) }

func moved(second int, from, to muster.Stage, epoch int64) muster.Record {
	return muster.Record{Time: at(second), Action: muster.ActionMove, From: from, To: to, Epoch: epoch, Gate: muster.GateClosed, Operation: at(second).String()}
}

func asked(second int, action muster.Action, why string, stage muster.Stage, epoch int64) muster.Record {
	return muster.Record{
		Time: at(second), Action: action, Why: why, From: stage, To: stage, Epoch: epoch, Operation: at(second).String(),
		Gate: muster.Gate(stage != muster.Off),
	}
}

// rightStory is a run with nothing wrong, and its commands.
func rightStory() ([]muster.Record, []command) {
	return []muster.Record{
		asked(0, muster.ActionApply, "", muster.Off, 0),
		asked(11, muster.ActionActivate, "activate 1", muster.Off, 0),
		moved(12, muster.Off, muster.Accept, 1),
		moved(15, muster.Accept, muster.On, 2),
		asked(21, muster.ActionKill, "kill 3", muster.On, 2),
		moved(22, muster.On, muster.Accept, 3),
		moved(23, muster.Accept, muster.Off, 4),
	}, []command{
		{action: muster.ActionActivate, why: "activate 1", begun: at(10), ended: at(12)},
		{action: muster.ActionActivate, why: "activate 2", begun: at(13), ended: at(14)}, // so already
		{action: muster.ActionKill, why: "kill 3", begun: at(20), ended: at(21)},
		{action: muster.ActionActivate, why: "activate 4", begun: at(30), ended: at(40), err: errors.New("no answer")},
	}
}

func TestJudgeCountsARightStory(t *testing.T) {
	t.Parallel()
	v := judge(rightStory())
	if wrong := v.wrong(); len(wrong) > 0 {
		t.Errorf("found %q", wrong)
	}
	if v.activations != 1 || v.deactivations != 1 || v.kills != 1 || v.commands != 3 || v.unanswered != 1 || v.slowest != 5*time.Second {
		t.Errorf("counted %+v", v)
	}
	records, _ := rightStory()
	if got := lastWish(records); got != muster.Off {
		t.Errorf("the last wish is %s, want off", got)
	}
}

func TestJudgeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(r []muster.Record, c []command) ([]muster.Record, []command)
		want  string
	}{
		"a command is lost": {func(r []muster.Record, c []command) ([]muster.Record, []command) {
			return r[:4], c
		}, `"kill 3" was accepted, and has no record`},
		"a command is carried out twice": {func(r []muster.Record, c []command) ([]muster.Record, []command) {
			return append(r, asked(25, muster.ActionKill, "kill 3", muster.Off, 4)), c
		}, `"kill 3" was carried out 2 times`},
		"an epoch is recorded twice": {func(r []muster.Record, c []command) ([]muster.Record, []command) {
			return append(r, moved(25, muster.Off, muster.Accept, 4)), c
		}, "epoch 4 is recorded twice"},
		"an operation is recorded twice": {func(r []muster.Record, c []command) ([]muster.Record, []command) {
			r[3].Operation = r[2].Operation
			return r, c
		}, "is recorded twice"},
		"a record is missing": {func(r []muster.Record, c []command) ([]muster.Record, []command) {
			return append(r[:2:2], r[3:]...), c
		}, "epoch 2 follows 0"},
		"a stage is skipped": {func(r []muster.Record, c []command) ([]muster.Record, []command) {
			return append(r, moved(25, muster.Off, muster.On, 5)), c
		}, "goes from off to on"},
		"the gate is open at on": {func(r []muster.Record, c []command) ([]muster.Record, []command) {
			r[3].Gate = muster.GateOpen
			return r, c
		}, "the gate is open at on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := judge(tc.spoil(rightStory()))
			if got := strings.Join(v.wrong(), "\n"); !strings.Contains(got, tc.want) {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}

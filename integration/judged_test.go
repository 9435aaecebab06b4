package integration_test

import (
	"context"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// What a story looks at.

// judge holds the whole story against the promises and returns the feature's
// history, oldest first. The spec did not change on the way.
func (f *fleet) judge(s muster.Spec) []muster.Record {
	f.Helper()
	return f.judgement(s.Feature, s.WithDefaults().Participants)
}

// judgeStages is judge for a feature whose spec has changed: it cannot say who
// violated what.
func (f *fleet) judgeStages(key string) []muster.Record {
	f.Helper()
	return f.judgement(key, nil)
}

func (f *fleet) judgement(key string, participants map[string]muster.Participant) []muster.Record {
	f.Helper()
	j := judge{
		feature: key, participants: participants,
		records: f.history(key), lives: f.chronicle.all(), end: time.Now(),
	}
	wrong := j.judged()
	for _, w := range wrong {
		f.Errorf("%s: %s", key, w)
	}
	if len(wrong) > 0 {
		f.Logf("history of %s:\n%s", key, show(j.records))
	}
	return j.records
}

// told says in short what records tell, without the names of agents.
func told(records []muster.Record) []string {
	var all []string
	for _, rec := range records {
		text := string(rec.Action)
		if rec.From != rec.To {
			text += " " + rec.From.String() + "→" + rec.To.String()
		}
		if rec.Why != "" {
			text += " " + rec.Why
		}
		all = append(all, text)
	}
	return all
}

// stands returns a channel that is closed when the feature stands at the stage.
func (f *fleet) stands(key string, stage muster.Stage) <-chan struct{} {
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	reached, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		if f.client.Wait(ctx, key, stage) == nil {
			close(reached)
		}
	}()
	f.Cleanup(func() { cancel(); <-done })
	return reached
}

// awaitAcked waits until so many members of a service are live and have all
// acked the feature's present epoch.
func (f *fleet) awaitAcked(key, service string, members int) {
	f.Helper()
	f.until("all of "+service+" have acked", func() bool {
		svc := f.service(service)
		acked := 0
		for _, m := range svc.Members {
			if m.Live && m.Ack.Revision >= svc.Sheet.Features[key].Since {
				acked++
			}
		}
		return acked == members && len(svc.Members) == members
	})
}

// membersCalled returns the members of a service with this id.
func (f *fleet) membersCalled(service, id string) []muster.Member {
	f.Helper()
	var called []muster.Member
	for _, m := range f.members(service) {
		if m.Instance.ID == id {
			called = append(called, m)
		}
	}
	return called
}

// reaped returns when an instance was given up, by the history.
func (f *fleet) reaped(service, id string) time.Time {
	f.Helper()
	for rec, err := range f.client.History(f.ctx, client.HistoryQuery{Service: service}) {
		switch {
		case err != nil:
			f.Fatalf("history of %s: %v", service, err)
		case rec.Action == muster.ActionReap && rec.Instance == id:
			return rec.Time
		}
	}
	f.Fatalf("the history does not tell that %s/%s was reaped", service, id)
	return time.Time{}
}

func (f *fleet) service(name string) (svc muster.Service) {
	f.Helper()
	f.must("get "+name, func(ctx context.Context) (err error) {
		svc, err = f.client.Service(ctx, name)
		return err
	})
	return svc
}

func (f *fleet) canDeploy(service, version string) (refusals []muster.Refusal) {
	f.Helper()
	f.must("can-deploy "+service+"@"+version, func(ctx context.Context) (err error) {
		refusals, err = f.client.CanDeploy(ctx, service, version)
		return err
	})
	return refusals
}

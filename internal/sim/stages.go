package sim

import (
	"github.com/musterhq/muster"
)

// stages is a set of stages.
type stages uint8

func (s *stages) add(stage muster.Stage) { *s |= 1 << stage }
func (s stages) has(stage muster.Stage) bool {
	return s&(1<<stage) != 0
}

// checkStages checks that the effective stages of all that serve, and of all
// requests in flight, are pairwise adjacent (G3).
func (w *world) checkStages() {
	for _, key := range features {
		spec, ok := w.truth.inForce(key)
		if !ok {
			continue
		}
		var there stages
		for _, i := range w.instances {
			if p, takesPart := spec.Participants[i.Service]; takesPart && i.serving {
				there |= i.effective(key, p)
			}
		}
		if there.has(muster.Off) && there.has(muster.On) {
			w.failStages(key, spec)
		}
	}
}

// effective returns the stages at which the instance serves: new requests, and
// those in flight. One that is fenced accepts, or does not serve where its
// version cannot or the policy says so.
func (i *instance) effective(key string, p muster.Participant) stages {
	var set stages
	disconnected := func(entry muster.Entry) {
		if p.Version.Satisfied(i.Version) && entry.OnDisconnect != muster.Stop {
			set.add(muster.Accept)
		}
	}
	if now := i.sheet.Features[key]; i.fenced() {
		disconnected(now)
	} else {
		set.add(now.Stage)
	}
	lapsed := i.lapsed()
	for _, r := range i.requests {
		if then := r.sheet.Features[key]; r.fenced || lapsed {
			disconnected(then)
		} else {
			set.add(then.Stage)
		}
	}
	return set
}

// applies returns the furthest stage of a feature that the instance has in
// force, or has in flight, and that no fence holds back. What is in flight from
// before its service took part in the feature again is at accept at most, and
// is no part of this.
func (i *instance) applies(key string) muster.Stage {
	furthest := muster.Off
	see := func(sheet muster.Sheet) {
		if sheet.Revision >= i.w.truth.takesPart[partKey{i.Service, key}] {
			furthest = max(furthest, sheet.Features[key].Stage)
		}
	}
	if i.serving && !i.fenced() {
		see(i.sheet)
	}
	for _, r := range i.requests {
		if !r.fenced && !i.lapsed() {
			see(r.sheet)
		}
	}
	return furthest
}

func (w *world) failStages(key string, spec muster.Spec) {
	for _, i := range w.instances {
		if p, ok := spec.Participants[i.Service]; ok && i.serving {
			w.say("%s/%s %s: sheet %d says %s, %d requests, stages %03b, fenced %v, lapsed %v", i.Service, i.Entry(), i.Version,
				i.sheet.Revision, i.sheet.Features[key].Stage, len(i.requests), i.effective(key, p), i.fenced(), i.lapsed())
		}
	}
	w.fail("G3", "some serve %s at off and some at on", key)
}

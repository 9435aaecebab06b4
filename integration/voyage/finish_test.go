package voyage_test

import (
	"context"
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

const (
	settling = 8 * time.Minute  // all converges within it when nothing is wrong
	slow     = 3 * time.Minute  // mentioned, with what it waits for
	confirm  = 75 * time.Second // after which somebody confirms who is gone
)

// finish ends the faults, has every service upgraded, and waits until all is
// where it is wanted (G7). Nobody commands anything any more; only where the
// policy, or a roster that shrank, asks for a confirmation, somebody gives it.
func (w *world) finish() {
	w.say("the faults end")
	w.storm.Store(false)
	w.plans = nil
	if w.heal != nil {
		w.heal()
		w.heal = nil
	}
	if w.running() == nil {
		w.serve()
	}
	for len(w.agents) < 2 {
		w.startAgent()
	}
	for _, a := range w.agents {
		a.network.lose(false)
		a.network.heal(w.chance(50))
	}
	for _, i := range w.all() {
		w.mu.Lock()
		i.cut = time.Time{}
		w.mu.Unlock()
		i.network.lose(false)
		i.network.heal(w.chance(50))
	}
	for _, service := range services {
		for range 2 {
			w.start(service, newest)
		}
	}
	for _, i := range w.all() {
		if i.version != newest {
			w.stop(i)
		}
	}
	w.converge()
	w.depart()
}

// converge waits until nothing is missing.
func (w *world) converge() {
	began, asked, said := time.Now(), make(map[string]bool), false
	for {
		rest(context.Background(), 250*time.Millisecond)
		synctest.Wait()
		missing := w.missing()
		switch {
		case w.failed():
			return
		case missing == "":
			w.say("all is where it is wanted, after %s", time.Since(began))
			w.faults.Store(false)
			return
		case time.Since(began) > slow && !said:
			said = true
			w.t.Logf("seed %d: after %s without faults: %s", w.seed, slow, missing)
		case time.Since(began) > settling:
			w.fail("G7", "nothing has been wrong for %s, and %s", settling, missing)
			return
		case time.Since(began) > confirm:
			w.confirm(asked)
		}
	}
}

// missing names one thing that is not as it shall be; "" when all is.
func (w *world) missing() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookLocked()
	for _, key := range features {
		if status, known := w.truth.status[key]; known && !status.Settled() {
			return fmt.Sprintf("%s is not settled: %+v", key, status)
		}
	}
	members := 0
	for _, i := range w.fleet {
		if i.crashed || i.ended {
			continue
		}
		if i.leaving {
			return fmt.Sprintf("%s has not ended", i)
		}
		status := i.client.Status()
		if err := i.client.Ready(); err != nil || status.State != sdk.Live {
			return fmt.Sprintf("%s is not ready: %s, %v, %v", i, status.State, err, status.Err)
		}
		for _, key := range features {
			entry := w.truth.sheets[i.service].Features[key]
			if stage := i.flags[key].Stage(context.Background()); stage != entry.Stage {
				return fmt.Sprintf("%s has %s at %s, and its sheet says %s", i, key, stage, entry.Stage)
			}
		}
		members++
	}
	for _, service := range services {
		members -= len(w.truth.members[service])
	}
	if members != 0 {
		return fmt.Sprintf("there are %d members too many", -members)
	}
	return ""
}

// confirm says of members whose processes are gone that they are.
func (w *world) confirm(asked map[string]bool) {
	for _, service := range services {
		for _, entry := range w.gone(service) {
			if asked[service+entry] {
				continue
			}
			asked[service+entry] = true
			w.count("confirmed to be gone")
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			err := w.client[0].Decommission(ctx, service, entry)
			cancel()
			w.say("%s/%s is confirmed to be gone: %v", service, entry, err)
			if err != nil {
				delete(asked, service+entry)
			}
		}
	}
}

// gone lists members without a process.
func (w *world) gone(service string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var gone []string
	for entry := range w.truth.members[service] {
		if i := w.instances[service+"/"+entry]; !i.aliveLocked() {
			gone = append(gone, entry)
		}
	}
	slices.Sort(gone)
	return gone
}

// depart has all instances leave in good order, and looks whether any is left.
func (w *world) depart() {
	if w.failed() {
		return
	}
	for _, i := range w.all() {
		w.stop(i)
	}
	for _, i := range w.fleet {
		if !i.crashed {
			<-i.closing
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, service := range services {
		if n := len(w.truth.members[service]); n != 0 {
			w.failLocked("G7", "all of %s have left, and %d are members", service, n)
		}
	}
	for key, status := range w.truth.status {
		if status.Stage == muster.On {
			w.count("ended on")
		}
		_ = key
	}
}

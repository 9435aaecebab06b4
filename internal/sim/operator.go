package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// command has an operator ask for something: of any agent, and of another one
// with the same request where there is no answer.
func (w *world) command(key string, action muster.Action) {
	const most = 3
	if w.operators >= most && w.faults {
		return
	}
	w.operators++
	w.serial++
	request := fmt.Sprintf("request%d", w.serial)
	cmd := plan.Command{Action: action, Feature: key, By: "operator", Why: "because", Request: request}
	if action == muster.ActionApply {
		cmd.Spec = w.spec(key)
	}
	w.start(request, func(a *actor) {
		w.ask(a, key, cmd)
		w.operators--
	})
}

// ask sends a command until it is answered.
func (w *world) ask(a *actor, key string, cmd plan.Command) {
	for {
		status, changed, err := w.askOne(a, key, cmd)
		var invalid *muster.InvalidError
		switch {
		case err == nil:
			w.accepted(key, cmd, status, changed)
			return
		case errors.Is(err, muster.ErrFailedPrecondition):
			w.stats.Refused++
			if w.chance(50) || !w.obliges(cmd) {
				return
			}
		case errors.As(err, &invalid) && !w.everApplied("tax"): // dark comes before it
		case errors.Is(err, errKilled), errors.As(err, &invalid),
			errors.Is(err, muster.ErrNotFound):
			return
		}
		if a.rest(poll) != nil {
			return
		}
	}
}

func (w *world) everApplied(key string) bool {
	_, known := w.truth.status[key]
	return known
}

// obliges has the operator who was told that dark needs tax give tax the command
// that helps, and reports whether to try again then.
func (w *world) obliges(cmd plan.Command) bool {
	switch {
	case cmd.Action == muster.ActionActivate && cmd.Feature == "dark":
		w.command("tax", muster.ActionActivate)
	case cmd.Action == muster.ActionDeactivate && cmd.Feature == "tax":
		w.command("dark", muster.ActionDeactivate)
	default:
		return false
	}
	return true
}

// askOne has one agent carry the command out, through the agent's own session.
func (w *world) askOne(a *actor, key string, cmd plan.Command) (muster.Status, bool, error) {
	if len(w.agents) == 0 {
		return muster.Status{}, false, zoo.ErrNotSent
	}
	g := pick(w, w.agents)
	if g.node == "" {
		return muster.Status{}, false, zoo.ErrNotSent
	}
	cmd.Operation, cmd.Now = w.operation(), w.now
	st := store.New(w.Variant.forAgent(&conn{session: g.session, actor: a}), root).WithReaders(1)
	return st.Command(context.Background(), g.node, key, cmd)
}

// accepted checks that a command that was answered with success has been
// carried out.
func (w *world) accepted(key string, cmd plan.Command, status muster.Status, changed bool) {
	w.stats.Commands++
	w.say("%s %s: accepted, %v", cmd.Action, key, changed)
	if changed && w.truth.carried[cmd.Request] != 1 {
		w.fail("G5", "%s %s was answered with success and carried out %d times", cmd.Action, key, w.truth.carried[cmd.Request])
	}
}

// decommission has an operator confirm that a process is gone, which is true.
func (w *world) decommission() {
	service := pick(w, services)
	for _, entry := range w.cluster.newest(memberPath(service, "")).children {
		if w.truth.lives(service, entry) {
			continue
		}
		w.serial++
		w.start(fmt.Sprintf("decommission%d", w.serial), func(a *actor) { w.confirmGone(a, service, entry) })
		return
	}
}

func (w *world) confirmGone(a *actor, service, entry string) {
	if len(w.agents) == 0 {
		return
	}
	g := pick(w, w.agents)
	if g.node == "" {
		return
	}
	st := store.New(w.Variant.forAgent(&conn{session: g.session, actor: a}), root).WithReaders(1)
	version, err := st.MemberVersion(context.Background(), service, entry)
	if err != nil {
		return
	}
	m := muster.Member{Instance: w.truth.processes[service+"/"+entry].Instance, Version: version}
	if st.Decommission(context.Background(), g.node, service, m, w.removal(muster.ActionDecommission, m, "operator")) == nil {
		w.say("%s/%s was decommissioned", service, entry)
	}
}

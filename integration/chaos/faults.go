package main

import (
	"context"
	"fmt"
	"time"
)

// A kind of fault, and how often it is drawn. A rough one makes members vanish,
// and each of those holds a feature up for a quarantine.
type kind struct {
	weight int
	rough  bool
	inject func(*trouble)
}

func kinds() []kind {
	const rough, gentle = true, false
	return []kind{
		{14, rough, func(t *trouble) { t.kill(t.place(instance)) }},
		{12, rough, func(t *trouble) { t.freeze(t.place(instance)) }},
		{16, rough, (*trouble).isolate},
		{4, gentle, func(t *trouble) { t.kill(t.place(agent)) }},
		{2, gentle, func(t *trouble) { t.kill(t.place(server)) }},
		{4, gentle, func(t *trouble) { t.freeze(t.place(agent)) }},
		{2, gentle, func(t *trouble) { t.freeze(t.place(server)) }},
		{6, gentle, (*trouble).rollDown},
		{6, gentle, (*trouble).rollOver},
		{8, gentle, func(t *trouble) { t.cut(instance, server) }},
		{4, gentle, func(t *trouble) { t.cut(agent, server) }},
		{2, gentle, func(t *trouble) { t.cut(server, server) }},
		{3, gentle, func(t *trouble) { t.cut(instance, instance) }},
		{5, gentle, (*trouble).lose},
		{5, gentle, (*trouble).slow},
	}
}

// place draws a place where a process runs undisturbed; nil when there is none.
func (t *trouble) place(r role) *place {
	places := t.all(r)
	p := places[t.rand.IntN(len(places))]
	if p.busy || r == server && t.hurt() > 0 && t.rand.IntN(8) > 0 {
		return nil // seldom are two of three servers away, and with them ZooKeeper
	}
	return p
}

// hurt counts the servers to which something is being done.
func (t *trouble) hurt() (n int) {
	for _, p := range t.all(server) {
		if p.busy {
			n++
		}
	}
	return n
}

// kill ends a process as a crash does. It is started again soon, or after all
// have noticed.
func (t *trouble) kill(p *place) {
	if p == nil {
		return
	}
	t.note("kill -9 " + string(p.role))
	p.busy = true
	p.proc.kill()
	t.after(t.span()/2, func() {
		p.busy = false
		t.try(p.run())
	})
}

// freeze stops a process, and continues it.
func (t *trouble) freeze(p *place) {
	if p == nil {
		return
	}
	t.note("stop " + string(p.role))
	p.busy = true
	p.proc.stop()
	t.after(t.span(), func() {
		p.busy = false
		p.proc.cont()
	})
}

// span draws how long a fault lasts: mostly briefly; in a rough wave sometimes
// for longer than any lease, session or quarantine.
func (t *trouble) span() time.Duration {
	switch {
	case !t.rough:
		return t.between(0.2, session.Seconds()*0.6)
	case t.rand.IntN(3) == 0:
		return t.between(6, 24)
	default:
		return t.between(0.2, 4)
	}
}

// rollDown brings up to three instances of a service to the old version, as an
// operator does who thinks better of it, and up again after a while.
func (t *trouble) rollDown() {
	one := t.place(instance)
	if one == nil {
		return
	}
	left := 1 + t.rand.IntN(3)
	up := t.span()
	for _, p := range t.all(instance) {
		if p.service != one.service || p.busy || left == 0 {
			continue
		}
		left--
		t.note("roll down")
		t.replace(p, oldVersion, func() {
			t.after(up, func() {
				t.note("roll up")
				t.replace(p, t.newVersion(), func() { p.busy = false })
			})
		})
	}
}

// rollOver restarts an instance with new code, perhaps of another version.
func (t *trouble) rollOver() {
	p := t.place(instance)
	if p == nil {
		return
	}
	t.note("restart")
	t.replace(p, t.newVersion(), func() { p.busy = false })
}

func (t *trouble) newVersion() string {
	return newVersions()[t.rand.IntN(len(newVersions()))]
}

// replace ends an instance in good order and starts another version in its
// place; one that does not end in time is killed.
func (t *trouble) replace(p *place, version string, then func()) {
	const patience = 3 * drain
	p.busy = true
	p.proc.term()
	late := time.Now().Add(patience)
	var look func()
	look = func() {
		switch {
		case !p.proc.running():
			p.version = version
			t.try(p.run())
			then()
		case time.Now().After(late):
			p.proc.kill()
			fallthrough
		default:
			t.after(100*time.Millisecond, look)
		}
	}
	look()
}

// host draws a host of a role.
func (t *trouble) host(r role) *host {
	places := t.all(r)
	return places[t.rand.IntN(len(places))].host
}

// cut has nothing pass between two hosts, in one direction or in both.
func (t *trouble) cut(a, b role) {
	one, other := t.host(a), t.host(b)
	if one == other {
		return
	}
	rules := []rule{cut(one, other), cut(other, one)}
	way := "both ways"
	if dice := t.rand.IntN(3); dice < 2 {
		rules, way = rules[dice:dice+1], "one way"
	}
	t.note(fmt.Sprintf("cut %s–%s, %s", a, b, way))
	t.impose(t.span(), rules...)
}

// isolate cuts a host of instances, or of an agent, from all servers.
func (t *trouble) isolate() {
	r := instance
	if t.rand.IntN(4) == 0 {
		r = agent
	}
	one := t.host(r)
	if t.alone() > len(t.net.hosts)/8 || one.alone {
		return // most of the fleet is to go on
	}
	var rules []rule
	for _, p := range t.all(server) {
		rules = append(rules, cut(p.host, one))
		if t.rand.IntN(2) == 0 {
			rules = append(rules, cut(one, p.host))
		}
	}
	t.note("isolate " + string(r) + "s from ZooKeeper")
	one.alone = true
	d := t.between(1, 30) // until the others have gone on without them, and beyond
	t.impose(d, rules...)
	t.after(d, func() { one.alone = false })
}

// alone counts the hosts that are isolated.
func (t *trouble) alone() (n int) {
	for _, h := range t.net.hosts {
		if h.alone {
			n++
		}
	}
	return n
}

// lose drops packets at random between two hosts.
func (t *trouble) lose() {
	roles := []role{server, agent, instance}
	one, other := t.host(roles[t.rand.IntN(3)]), t.host(roles[t.rand.IntN(3)])
	if one == other {
		return
	}
	share := 0.05 + 0.5*t.rand.Float64()
	t.note("lose packets")
	t.impose(t.span(), lose(one, other, share), lose(other, one, share))
}

// slow delays what a host sends or is sent.
func (t *trouble) slow() {
	roles := []role{server, agent, instance}
	r := roles[t.rand.IntN(3)]
	h := t.host(r)
	if h.slow {
		return // a line has one queue
	}
	h.slow = true
	t.note("delay packets of " + string(r))
	d := t.span()
	t.impose(d, t.net.slow(h, t.rand.IntN(2) == 0, 32+t.rand.IntN(160), 200+t.rand.IntN(1500)))
	t.after(d, func() { h.slow = false }) // after the rule is gone: deeds are done in order
}

// impose puts rules of the network in place, and takes them away after a while.
func (t *trouble) impose(d time.Duration, rules ...rule) {
	ctx := context.Background()
	for _, r := range rules {
		t.try(commands(ctx, r.on))
	}
	t.after(d, func() {
		for _, r := range rules {
			t.try(commands(ctx, r.off))
		}
	})
}

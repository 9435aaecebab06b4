package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/musterhq/muster"
)

// A command is what the operator asked for. Its reason is like no other's, so
// that its record is found.
type command struct {
	action       muster.Action // activate, deactivate or kill
	why          string
	begun, ended time.Time
	err          error // then nobody knows whether it was carried out
}

// wants is where a feature is to go by a command.
func wants(action muster.Action) muster.Stage {
	if action == muster.ActionActivate {
		return muster.On
	}
	return muster.Off
}

// An operator uses the command line, on a host of his own whose links stay
// whole.
type operator struct {
	fleet *fleet
	rand  *rand.Rand

	mu    sync.Mutex // guards the field below
	given []command
}

// work turns the feature on and off until ctx ends: mostly he waits for what he
// asked for, and sometimes he changes his mind.
func (o *operator) work(ctx context.Context) {
	for ctx.Err() == nil {
		o.command(ctx, muster.ActionActivate)
		o.wait(ctx, muster.On, o.patience())
		pause(ctx, o.between(0.5, 8))
		down := muster.ActionDeactivate
		if o.rand.IntN(3) == 0 {
			down = muster.ActionKill
		}
		o.command(ctx, down)
		o.wait(ctx, muster.Off, o.patience())
		pause(ctx, o.between(0, 1))
	}
}

// patience draws how long he waits: long, or he has just changed his mind.
func (o *operator) patience() time.Duration {
	if o.rand.IntN(5) == 0 {
		return o.between(0, 3)
	}
	return 40 * time.Second
}

// between draws a time between so many seconds.
func (o *operator) between(low, high float64) time.Duration { return between(o.rand, low, high) }

func between(r *rand.Rand, low, high float64) time.Duration {
	return time.Duration((low + r.Float64()*(high-low)) * float64(time.Second))
}

func (o *operator) command(ctx context.Context, action muster.Action) {
	if ctx.Err() != nil {
		return
	}
	o.mu.Lock()
	c := command{action: action, why: fmt.Sprintf("%s %d", action, len(o.given)+1), begun: time.Now()}
	o.mu.Unlock()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	_, c.err = o.muster(bounded, string(action), feature, "--why", c.why)
	c.ended = time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.given = append(o.given, c)
}

// commands lists what was asked for.
func (o *operator) commands() []command {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.given)
}

// wait waits until the feature has reached a stage, but not longer than d.
func (o *operator) wait(ctx context.Context, stage muster.Stage, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	_, _ = o.muster(ctx, "wait", feature, "--stage", stage.String(), "--timeout", "0") // whatever comes of it, he goes on
}

// history returns the records of the feature, oldest first.
func (o *operator) history(ctx context.Context) ([]muster.Record, error) {
	text, err := o.muster(ctx, "--output", "json", "history", feature, "--limit", "1000000")
	if err != nil {
		return nil, err
	}
	var records []muster.Record
	if err := json.Unmarshal(text, &records); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	slices.Reverse(records)
	return records, nil
}

// muster runs the command line. Each time another agent is asked first.
func (o *operator) muster(ctx context.Context, args ...string) ([]byte, error) {
	agents := o.fleet.all(agent)
	o.rand.Shuffle(len(agents), func(i, j int) { agents[i], agents[j] = agents[j], agents[i] })
	program := []string{"netns", "exec", o.fleet.operator.ns, filepath.Join(o.fleet.dir, "muster"), "--agent", join(agents)}
	cmd := exec.CommandContext(ctx, "ip", append(program, args...)...)
	cmd.Env = append(os.Environ(), "MUSTER_CONFIG=", "XDG_CONFIG_HOME="+filepath.Join(o.fleet.dir, "config"))
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("muster %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

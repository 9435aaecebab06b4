package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// What the examples are about: structured addresses need checkout 2.
var structuredAddress = muster.Spec{
	Feature:     "structured-address",
	Description: "street, city, postal code and country instead of one line",
	Participants: map[string]muster.Participant{
		"checkout": {Version: muster.MustConstraint(">=2.0.0")},
	},
}

// connect returns a client of a small world.
func connect(versions ...string) (*client.Client, func()) {
	w, err := newWorld(versions...)
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Config{Addrs: []string{w.agent}})
	if err != nil {
		log.Fatal(err)
	}
	return c, func() { _ = c.Close(); w.stop() }
}

func Example() {
	c, closeAll := connect("2.0.0", "2.1.0")
	defer closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	if _, err := c.Apply(ctx, structuredAddress, client.Why("release 42")); err != nil {
		log.Fatal(err)
	}
	f, err := c.Activate(ctx, "structured-address", client.Why("release 42"), client.Wait())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Status.Feature, "is", f.Status.Stage)
	// Output: structured-address is on
}

// Without an answer in time, the error names what is waited for.
func ExampleClient_Activate() {
	c, closeAll := connect("2.0.0", "1.9.0")
	defer closeAll()
	if _, err := c.Apply(context.Background(), structuredAddress, client.Wait()); err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err := c.Activate(ctx, "structured-address", client.Wait(), client.RequestID("release-42-activate"))
	var blocked *muster.BlockedError
	if errors.As(err, &blocked) && errors.Is(err, context.DeadlineExceeded) {
		for _, b := range blocked.Blockers {
			fmt.Println(b)
		}
	}
	// Output: checkout/c-1.9.0: is 1.9.0 and needs >=2.0.0: upgrade it
}

func ExampleClient_Watch() {
	c, closeAll := connect("2.0.0")
	defer closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := c.Apply(ctx, structuredAddress, client.Wait()); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Activate(ctx, "structured-address"); err != nil {
		log.Fatal(err)
	}

	for f, err := range c.Watch(ctx, "structured-address") {
		if err != nil {
			log.Fatal(err)
		}
		if f.Status.Stage == muster.On {
			fmt.Println("on")
			break
		}
	}
	// Output: on
}

func ExampleClient_Wait() {
	c, closeAll := connect("2.0.0")
	defer closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := c.Apply(ctx, structuredAddress); err != nil {
		log.Fatal(err)
	}

	if err := c.Wait(ctx, "structured-address", muster.Off); err != nil {
		log.Fatal(err)
	}
	fmt.Println("off, and old instances are let in")
	// Output: off, and old instances are let in
}

// A pipeline asks before it rolls a service back.
func ExampleClient_CanDeploy() {
	c, closeAll := connect("2.0.0")
	defer closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := c.Apply(ctx, structuredAddress); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Activate(ctx, "structured-address", client.Wait()); err != nil {
		log.Fatal(err)
	}

	refusals, err := c.CanDeploy(ctx, "checkout", "1.9.0")
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range refusals {
		fmt.Println(r)
	}
	// Output: structured-address (on): needs >=2.0.0, is 1.9.0
}

func ExampleClient_Instances() {
	c, closeAll := connect("2.0.0", "2.1.0")
	defer closeAll()

	members, err := c.Instances(context.Background(), "checkout")
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range members {
		fmt.Println(m.Instance.ID, m.Instance.Version, m.Live)
	}
	// Output:
	// c-2.0.0 2.0.0 true
	// c-2.1.0 2.1.0 true
}

func ExampleClient_History() {
	c, closeAll := connect()
	defer closeAll()
	ctx := context.Background()
	if _, err := c.Apply(ctx, structuredAddress, client.Why("release 42")); err != nil {
		log.Fatal(err)
	}

	q := client.HistoryQuery{Feature: "structured-address", Since: time.Now().Add(-time.Hour)}
	for rec, err := range c.History(ctx, q) {
		if err != nil {
			log.Fatal(err)
		}
		if rec.Action == muster.ActionApply {
			fmt.Println(rec.Action, rec.Why)
		}
	}
	// Output: apply release 42
}

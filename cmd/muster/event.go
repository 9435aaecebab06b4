package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// An event is one line of what join tells of, a stable contract.
type event struct {
	Time     time.Time        `json:"time"`
	Event    sdk.EventKind    `json:"event"`
	Feature  string           `json:"feature,omitempty"`
	Stage    string           `json:"stage,omitempty"`
	Epoch    int64            `json:"epoch,omitempty"`
	Revision *int32           `json:"revision,omitempty"` // of the sheet
	Reason   string           `json:"reason,omitempty"`
	Refusals []muster.Refusal `json:"refusals,omitempty"`
	Service  string           `json:"service"`
	Instance string           `json:"instance"`
	Version  string           `json:"version"`
}

// An eventLog writes events as lines of JSON. It is safe for concurrent use.
type eventLog struct {
	service, instance, version string

	mu  sync.Mutex // guards the fields below
	w   io.Writer
	err error // of the first line that could not be written
}

// write writes one line.
func (l *eventLog) write(e sdk.Event) {
	line := event{
		Time: e.Time.UTC().Round(time.Microsecond), Event: e.Kind, Feature: e.Feature, Epoch: e.Epoch,
		Service: l.service, Instance: l.instance, Version: l.version,
	}
	if e.Feature != "" {
		line.Stage = e.Stage.String()
	}
	if e.Revision >= 0 {
		line.Revision = &e.Revision
	}
	if e.Err != nil {
		line.Reason = e.Err.Error()
	}
	if refused := (*muster.RefusedError)(nil); errors.As(e.Err, &refused) {
		line.Refusals = refused.Refusals
	}
	var b bytes.Buffer // the line is written at once
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(line)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.w.Write(b.Bytes())
	}
	if l.err == nil {
		l.err = err
	}
}

// failed returns why a line could not be written.
func (l *eventLog) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

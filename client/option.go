package client

import (
	"crypto/rand"
	"strings"

	"github.com/musterhq/muster"
)

// An Option says more about a command: [Why], [RequestID], [Wait], [DryRun],
// [Assume].
type Option func(*options)

type options struct {
	why, request string
	wait, dry    bool
	assumed      []string
}

// Why gives the reason, for the history.
func Why(reason string) Option { return func(o *options) { o.why = reason } }

// RequestID gives the command an id. Commands with the same id are carried out
// once, so a program that is run again gives the same; without it one is drawn
// for each call. At most 100 bytes.
func RequestID(id string) Option { return func(o *options) { o.request = id } }

// Wait lets the command return only when what it wants has come true, or with a
// [*muster.BlockedError] when its context ends before. When somebody wants
// something else meanwhile, the error is a [muster.ErrConflict].
func Wait() Option { return func(o *options) { o.wait = true } }

// DryRun lets [Client.Apply] check everything and write nothing; it returns
// what would be.
func DryRun() Option { return func(o *options) { o.dry = true } }

// Assume lets a [DryRun] take features for known that are going to be applied
// before, so that the spec may name them as prerequisites.
func Assume(keys ...string) Option {
	return func(o *options) { o.assumed = append(o.assumed, keys...) }
}

func optionsOf(opts []Option) options {
	o := options{request: strings.ToLower(rand.Text())}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// only refuses the options that the method does not know.
func (o options) only(method string, wait, dry bool) error {
	switch {
	case o.wait && !wait:
		return &muster.InvalidError{Field: "option", Value: "Wait", Problem: "is not for " + method}
	case o.dry && !dry:
		return &muster.InvalidError{Field: "option", Value: "DryRun", Problem: "is not for " + method}
	case len(o.assumed) > 0 && !o.dry:
		return &muster.InvalidError{Field: "option", Value: "Assume", Problem: "is for a DryRun alone"}
	}
	return nil
}

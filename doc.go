// Package muster holds the words that every part of muster speaks: features,
// stages, specs, sheets, instances, acks, blockers and audit records, with
// their encodings and their validation.
//
// muster turns a feature on across a fleet of services, and only when every
// live instance of every service that takes part runs a version that is ready
// for it. A service imports package sdk, release automation imports package
// client, and an operator runs the command muster; this package is what their
// types have in common.
//
// # The words
//
// A feature is a named unit of change. Its [Spec] says which services take
// part, each with a version [Constraint]; its [Status] says at which [Stage] it
// stands and what is wanted. An [Instance] is one running process of a service,
// a member of the service's roster until it leaves or is reaped. All that
// concerns a service stands in its one [Sheet], so the flags of a service
// change together. An [Ack] is an instance's word that it has applied a sheet
// revision and that nothing in flight still runs on an older one.
//
// The package is pure: no I/O, no goroutine and no clock. Values are plain
// data, safe to copy; maps and slices inside them are shared by copies and are
// never changed once a value has been handed on.
package muster

// Package model has the protocol of muster as a model for the model checker
// spin, and a test that runs it: the right protocol passes exhaustively, and
// each way in which it might be wrong has its counterexample.
//
// The model is muster.pml; README.md says how to read it. What it proves, and
// what it does not, is in docs/safety.md.
package model

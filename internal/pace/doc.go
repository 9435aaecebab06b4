// Package pace bounds how often something is done or said: so that whoever can
// make us write a line, or do work, cannot make us do nothing else.
//
// Nothing here starts a goroutine. The time is an argument.
package pace

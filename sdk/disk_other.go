//go:build !unix

package sdk

// noTrap: there is nothing of the kind; that it is a plain file was seen before.
const noTrap = 0

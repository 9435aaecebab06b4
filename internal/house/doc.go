// Package house holds the rules of the house as tests and nothing else: which
// package may import which (a new arrow is a line in imports_test.go that
// someone must defend), that the planner and the words stay pure, that the SDK
// stays light, that every package says what it is for, that files stay short,
// and that nothing of the machine it was written on is left in a file.
package house

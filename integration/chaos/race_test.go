//go:build race

package main

// raced: the fleet's programs are built with the race detector as well; a race
// ends the process.
const raced = true

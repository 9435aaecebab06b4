// Command muster is everything there is to run: the agent, the server for
// laptops, the operators' commands, and an instance for programs that are not
// written in Go.
//
// Standard output is what was asked for, and nothing else; what is said beside
// it goes to standard error. With -o json or -o yaml the output is a stable
// contract, and so are the exit codes; both are described in docs/cli.md.
//
// Each file holds one noun. A command's action gets what it works with as
// arguments, a client of the agents and a printer, and there is no state
// outside of the one value that run makes.
package main

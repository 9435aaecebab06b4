package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// A command line in the order in which urfave/cli wants it: every flag right
// behind the command that defines it, positional arguments last.
type commandLine struct {
	args []string // without the program's name
	// child is what followed "--", untouched.
	child []string
}

// arrange lets flags stand anywhere: urfave/cli stops looking for them at the
// first positional argument, and global flags it knows only before the
// command. What follows "--" is never looked at.
//
// It also finds what is wrong with the command line as such, so that all such
// errors read alike.
func arrange(app *cli.App, args []string) (commandLine, error) {
	root := &cli.Command{Name: app.Name, Subcommands: app.Commands, Flags: app.Flags}
	a := arranger{levels: []level{{command: root}}}
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--":
			return a.line(args), nil
		case len(word) > 1 && word[0] == '-':
			used, err := a.flag(word, args)
			if err != nil {
				return commandLine{}, err
			}
			args = args[used:]
		default:
			if err := a.word(word); err != nil {
				return commandLine{}, err
			}
		}
	}
	return a.line(nil), nil
}

// A level is a command on the way from the program to the command in hand,
// with its flags as they were given.
type level struct {
	command *cli.Command
	flags   []string
}

type arranger struct {
	levels     []level // never empty
	positional []string
	help       bool // it is wanted, and nothing else
}

// here is the command in hand.
func (a *arranger) here() *cli.Command { return a.levels[len(a.levels)-1].command }

// path names the command in hand as it is typed.
func (a *arranger) path() string {
	names := make([]string, len(a.levels))
	for i, l := range a.levels {
		names[i] = l.command.Name
	}
	return strings.Join(names, " ")
}

// word takes a command's name or a positional argument.
func (a *arranger) word(word string) error {
	here := a.here()
	if len(here.Subcommands) == 0 {
		a.positional = append(a.positional, word)
		return nil
	}
	if next := here.Command(word); next != nil {
		a.levels = append(a.levels, level{command: next})
		return nil
	}
	var nearest string
	if _, err := fmt.Sscanf(cli.SuggestCommand(here.VisibleCommands(), word), cli.SuggestDidYouMeanTemplate, &nearest); err != nil {
		nearest = ""
	}
	return usage(a.path(), "unknown command %q%s", word, suggest(nearest))
}

// flag takes a flag, and its value when that is a word of its own; used is the
// number of words it took from rest.
func (a *arranger) flag(word string, rest []string) (used int, err error) {
	name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if name == "help" || name == "h" {
		a.help = true
		return 0, nil
	}
	if name == "version" && len(a.levels) == 1 {
		return 0, a.word(name)
	}
	var known []cli.Flag
	for i, l := range slices.Backward(a.levels) {
		for _, f := range l.command.Flags {
			if !slices.Contains(f.Names(), name) {
				known = append(known, f)
				continue
			}
			into := &a.levels[i]
			into.flags = append(into.flags, word)
			if hasValue || !takesValue(f) {
				return 0, nil
			}
			if len(rest) == 0 {
				return 0, usage(a.path(), "flag %s needs a value", word)
			}
			into.flags = append(into.flags, rest[0])
			return 1, nil
		}
	}
	return 0, usage(a.path(), "unknown flag %s%s", word, suggest(cli.SuggestFlag(known, name, true)))
}

// line puts the parts in order.
func (a *arranger) line(child []string) commandLine {
	var line commandLine
	for i, l := range a.levels {
		if i > 0 {
			line.args = append(line.args, l.command.Name)
		}
		line.args = append(line.args, l.flags...)
	}
	switch {
	case a.help:
		line.args = append(line.args, "--help")
	case len(a.here().Subcommands) == 0: // a group would take "--" for a command
		line.args = append(append(append(line.args, "--"), a.positional...), child...)
	}
	line.child = child
	return line
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func suggest(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", name)
}

// arguments returns the positional arguments, which must be as many as names.
func arguments(c *cli.Context, names ...string) ([]string, error) {
	given := c.Args().Slice()
	switch {
	case len(given) < len(names):
		return nil, usage(c.Command.HelpName, "missing argument %s", names[len(given)])
	case len(given) > len(names):
		return nil, usage(c.Command.HelpName, "unexpected argument %q", given[len(names)])
	}
	return given, nil
}

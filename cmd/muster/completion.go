package main

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

//go:embed completion/*
var completionScripts embed.FS

// completeCommand is what the scripts of all shells call. It is not for people.
const completeCommand = "__complete"

func (p *program) completion() *cli.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cli.Command{
		Name: "completion", Usage: "print a script that completes commands, flags, features and services",
		ArgsUsage: strings.Join(shells, "|"), Category: categoryOther,
		Description: "For this shell:       source <(muster completion bash)\n" +
			"For every bash:       muster completion bash > /etc/bash_completion.d/muster\n" +
			"For every zsh:        muster completion zsh > \"${fpath[1]}/_muster\"\n" +
			"For every fish:       muster completion fish > ~/.config/fish/completions/muster.fish",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, strings.Join(shells, "|"))
			if err != nil {
				return err
			}
			if !slices.Contains(shells, args[0]) {
				return usage(c.Command.HelpName, "shell %q is not one of %s", args[0], strings.Join(shells, ", "))
			}
			script, err := completionScripts.ReadFile("completion/muster." + args[0])
			if err != nil {
				return err
			}
			_, err = p.stdout.Write(script)
			return err
		},
	}
}

// complete prints the candidates for the last of the words that were typed
// after the program's name, one a line, each with its meaning behind a tab.
func (p *program) complete() *cli.Command {
	return &cli.Command{
		Name: completeCommand, Hidden: true,
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if len(words) == 0 {
				return nil
			}
			before, typed := words[:len(words)-1], words[len(words)-1]
			for _, candidate := range p.candidates(c, before, typed) {
				if strings.HasPrefix(candidate, typed) {
					fmt.Fprintln(p.stdout, candidate)
				}
			}
			return nil
		},
	}
}

// candidates returns what may follow the words before, given what is typed of
// the next; nil leaves it to the shell, which offers files.
func (p *program) candidates(c *cli.Context, before []string, typed string) []string {
	here := &cli.Command{Subcommands: c.App.Commands}
	positional := 0
	for i := 0; i < len(before); i++ {
		word := before[i]
		switch {
		case word == "--":
			return nil
		case len(word) > 1 && word[0] == '-':
			f := findFlag(word, here.Flags, c.App.Flags)
			if f == nil || strings.Contains(word, "=") || !takesValue(f) {
				continue
			}
			if i++; i == len(before) {
				return flagValues(f)
			}
			if f.Names()[0] == "agent" {
				_ = c.Set("agent", before[i]) // a string flag takes anything
			}
		case len(here.Subcommands) == 0:
			positional++
		default:
			if here = here.Command(word); here == nil {
				return nil
			}
		}
	}
	switch {
	case strings.HasPrefix(typed, "-"):
		return flagNames(here.Flags, c.App.Flags)
	case len(here.Subcommands) > 0:
		var names []string
		for _, s := range here.VisibleCommands() {
			names = append(names, s.Name+"\t"+s.Usage)
		}
		return names
	case positional == 0:
		return p.argumentValues(c, here.ArgsUsage)
	}
	return nil
}

// argumentValues returns what the first argument of a command may be. It asks
// an agent, briefly: a completion must not hang and has no place for errors.
func (p *program) argumentValues(c *cli.Context, kind string) (values []string) {
	if shells, ok := strings.CutPrefix(kind, "bash|"); ok {
		return append([]string{"bash"}, strings.Split(shells, "|")...)
	}
	ctx, cancel := context.WithTimeout(c.Context, time.Second)
	defer cancel()
	cl, err := p.client(c)
	if err != nil {
		return nil
	}
	defer cl.Close()
	switch {
	case strings.HasPrefix(kind, "KEY"), strings.HasPrefix(kind, "[KEY"):
		features, _ := cl.Features(ctx)
		for _, f := range features {
			values = append(values, f.Status.Feature+"\t"+or(f.Spec.Description, f.Status.Stage.String()))
		}
	case strings.HasPrefix(kind, "SERVICE"):
		services, _ := cl.Services(ctx)
		for _, s := range services {
			value := s.Sheet.Service
			if strings.HasPrefix(kind, "SERVICE@") {
				value += "@"
			}
			values = append(values, value)
			if strings.HasPrefix(kind, "SERVICE/") {
				values = values[:len(values)-1]
				for _, m := range s.Members {
					values = append(values, s.Sheet.Service+"/"+m.Instance.ID+"\t"+m.Instance.Version)
				}
			}
		}
	}
	return values
}

// flagValues returns what a flag may be set to.
func flagValues(f cli.Flag) []string {
	switch f.Names()[0] {
	case "output":
		return []string{formatTable, formatJSON, formatYAML}
	case "stage":
		return []string{"off", "accept", "on"}
	}
	return nil
}

func findFlag(word string, sets ...[]cli.Flag) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	for _, f := range slices.Concat(sets...) {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func flagNames(sets ...[]cli.Flag) (names []string) {
	for _, f := range slices.Concat(sets...) {
		for _, name := range f.Names() {
			dashes := "--"
			if len(name) == 1 {
				dashes = "-"
			}
			meaning := ""
			if d, ok := f.(cli.DocGenerationFlag); ok {
				meaning = "\t" + d.GetUsage()
			}
			names = append(names, dashes+name+meaning)
		}
	}
	return names
}

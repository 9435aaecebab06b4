package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster/client"
)

// The groups of commands in the help.
const (
	categoryFeatures  = "Features"
	categoryRegistry  = "Services and instances"
	categoryProcesses = "Processes"
	categoryOther     = "Other"
)

// A program is one run of the command.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	child          []string // the command behind "--"
}

// run runs the command line args, which does not name the program, and returns
// the exit code. It ends when ctx does.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
	app := p.app()
	line, err := arrange(app, args)
	if err == nil {
		p.child = line.child
		err = app.RunContext(ctx, append([]string{app.Name}, line.args...))
	}
	code := exitCode(err)
	p.report(code, err)
	return code
}

// report says on standard error what went wrong and what to do about it.
func (p *program) report(code int, err error) {
	if coded := (*codeError)(nil); errors.As(err, &coded) {
		err = coded.err
	}
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(p.stderr, "muster: interrupted")
	default:
		text := err.Error()
		if h := hint(err); h != "" {
			text += " (" + h + ")"
		}
		for line := range strings.Lines(text) {
			fmt.Fprintln(p.stderr, "muster: "+strings.TrimSuffix(line, "\n"))
		}
	}
}

// app returns the tree of commands.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name: "muster", HelpName: "muster",
		Usage: "turn features on across a fleet, when every instance is ready",
		Description: "Flags may stand anywhere on the line. What is not given by a flag is taken from the\n" +
			"environment, and what is not there from the configuration file.\n\n" +
			"Exit codes: 0 done, 1 error, 2 usage, 3 refused, 4 still waiting at the deadline, 5 unreachable.",
		Flags:                     globalFlags(),
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		HideVersion:               true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true, // a label may hold a comma
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              onUsageError,
		Commands: []*cli.Command{
			p.apply(), p.activate(), p.deactivate(), p.kill(), p.wait(), p.status(), p.feature(), p.history(), p.canDeploy(),
			p.service(), p.instance(),
			p.dev(), p.agent(), p.join(),
			p.doctor(), p.token(), p.completion(), p.complete(), p.version(),
		},
	}
	for _, c := range app.Commands {
		prepare(app.Name, c)
	}
	return app
}

// prepare sets what all commands have in common.
func prepare(path string, c *cli.Command) {
	path += " " + c.Name
	c.HideHelpCommand = true
	c.OnUsageError = onUsageError
	c.CustomHelpTemplate = strings.TrimRight(cli.CommandHelpTemplate, "\n") + "\n\nGLOBAL OPTIONS:\n   see: muster --help\n"
	if len(c.Subcommands) == 0 {
		c.Before = configure
		return
	}
	c.CustomHelpTemplate = ""
	names := make([]string, len(c.Subcommands))
	for i, s := range c.Subcommands {
		prepare(path, s)
		names[i] = s.Name
	}
	c.Action = func(*cli.Context) error {
		return usage(path, "missing command: one of %s", strings.Join(names, ", "))
	}
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	name := "muster"
	if c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	return usage(name, "%v", err)
}

// answer is an action that needs a printer.
func (p *program) answer(action func(*cli.Context, *printer) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		out, err := newPrinter(p.stdout, c.String("output"))
		if err != nil {
			return err
		}
		return action(c, out)
	}
}

// ask is an action that asks an agent.
func (p *program) ask(action func(*cli.Context, *client.Client, *printer) error) cli.ActionFunc {
	return p.answer(func(c *cli.Context, out *printer) error {
		cl, err := p.client(c)
		if err != nil {
			return err
		}
		defer cl.Close()
		return action(c, cl, out)
	})
}

// split returns the parts of a list with commas.
func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

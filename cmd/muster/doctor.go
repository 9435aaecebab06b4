package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/doctor"
)

// examination bounds all that doctor asks, so that it answers at a bad moment,
// too.
const examination = 15 * time.Second

// A diagnosis is the answer of doctor.
type diagnosis struct {
	Severity doctor.Severity `json:"severity"` // the worst of the checks
	Checks   []doctor.Check  `json:"checks"`
}

func (p *program) doctor() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "look for what is wrong: agents, ZooKeeper, times, access, registry", Category: categoryOther,
		Description: "Asks each agent that --agent names, and through them the ZooKeeper servers. Every check says\n" +
			"what was found and what to do. Exits with 3 when there is an error, with 5 when no agent answers.",
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			facts, err := gather(c.Context, cl)
			checks := doctor.Examine(facts)
			d := diagnosis{doctor.Worst(checks), checks}
			if err := out.print(d, func() { showChecks(out, checks) }); err != nil {
				return err
			}
			switch {
			case c.Context.Err() != nil:
				return c.Context.Err()
			case errors.Is(err, client.ErrUnavailable):
				return &codeError{code: exitUnreachable} // the checks have said why
			case d.Severity == doctor.Error:
				return &codeError{code: exitRefused}
			}
			return nil
		}),
	}
}

// gather asks everybody. What could not be had is in the facts; the error says
// why no agent answered, nil when one did.
func gather(ctx context.Context, cl *client.Client) (doctor.Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, examination)
	defer cancel()
	facts := doctor.Facts{Version: thisBuild().Version}
	var answers []client.Answer
	var wg sync.WaitGroup
	wg.Go(func() { answers = cl.Diagnoses(ctx) })
	var err error
	if facts.Features, err = cl.Features(ctx); err == nil {
		facts.Services, err = cl.Services(ctx)
	}
	if err != nil {
		facts.Registry = err.Error()
	}
	wg.Wait()
	facts.Now = time.Now()
	var none error
	for _, a := range answers {
		agent := doctor.Agent{Address: a.Addr, Asked: a.Asked, Answered: a.Answered, Diagnosis: a.Diagnosis}
		if a.Err != nil {
			agent.Problem = a.Err.Error()
			none = errors.Join(none, a.Err)
		}
		facts.Agents = append(facts.Agents, agent)
	}
	if slices.ContainsFunc(answers, func(a client.Answer) bool { return a.Err == nil }) {
		none = nil
	}
	return facts, none
}

// showChecks writes the checks for people, the worst first, each with what to do
// on a line of its own.
func showChecks(out *printer, checks []doctor.Check) {
	var rows [][]string
	count := make(map[doctor.Severity]int)
	for _, severity := range []doctor.Severity{doctor.Error, doctor.Warning, doctor.OK} {
		for _, c := range checks {
			if c.Severity != severity {
				continue
			}
			count[severity]++
			rows = append(rows, []string{out.severity(c.Severity), c.Name, c.Subject, c.Found})
			if c.Todo != "" {
				rows = append(rows, []string{"", "", "", "→ " + c.Todo})
			}
		}
	}
	out.table([]string{"SEVERITY", "CHECK", "SUBJECT", "FOUND"}, rows)
	out.line("")
	out.line("%s, %s, %d checks are ok", counted(count[doctor.Error], "error"), counted(count[doctor.Warning], "warning"), count[doctor.OK])
}

// severity shows a severity in its colour.
func (p *printer) severity(s doctor.Severity) string {
	switch s {
	case doctor.Error:
		return p.paint(red, string(s))
	case doctor.Warning:
		return p.paint(yellow, string(s))
	default:
		return p.paint(green, string(s))
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

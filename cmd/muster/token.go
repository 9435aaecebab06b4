package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster/agent"
)

// A newToken is the answer of token.
type newToken struct {
	Token  string       `json:"token"`
	Caller agent.Caller `json:"caller"` // for the access file
}

func (p *program) token() *cli.Command {
	roles := []string{"viewer", "operator", "admin"}
	return &cli.Command{
		Name: "token", Usage: "make a token for the API, and its entry for the agents' access file", ArgsUsage: "NAME", Category: categoryOther,
		Description: "The token goes to the caller, the entry into the file that muster agent --access names.\n" +
			"It cannot be made out from the entry: it is shown once.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "role", Value: "operator", Usage: "what the caller may do: viewer reads, operator also changes features, admin also decommissions instances"},
		},
		Action: p.answer(func(c *cli.Context, out *printer) error {
			args, err := arguments(c, "NAME")
			if err != nil {
				return err
			}
			if !slices.Contains(roles, c.String("role")) {
				return usage(c.Command.HelpName, "role %q is not one of %s", c.String("role"), strings.Join(roles, ", "))
			}
			token, sha := agent.NewToken()
			made := newToken{Token: token, Caller: agent.Caller{Name: args[0], Role: c.String("role"), SHA256: sha}}
			entry, err := json.Marshal(made.Caller)
			if err != nil {
				return err
			}
			return out.print(made, func() {
				out.line("token   %s", token)
				out.line("entry   %s", entry)
			})
		}),
	}
}

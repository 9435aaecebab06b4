package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

func (p *program) service() *cli.Command {
	return &cli.Command{
		Name: "service", Usage: "list and show services", Category: categoryRegistry,
		Subcommands: []*cli.Command{p.serviceList(), p.serviceShow()},
	}
}

func (p *program) serviceList() *cli.Command {
	return &cli.Command{
		Name: "list", Aliases: []string{"ls"}, Usage: "list all services",
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			services, err := cl.Services(c.Context)
			if err != nil {
				return err
			}
			infos := make([]serviceInfo, len(services))
			for i, s := range services {
				infos[i] = infoOf(s)
			}
			return out.print(infos, func() {
				rows := make([][]string, len(services))
				for i, s := range services {
					rows[i] = serviceRow(s)
				}
				out.table([]string{"SERVICE", "INSTANCES", "LIVE", "VERSIONS", "REFUSED", "FEATURES", "PROBLEM"}, rows)
			})
		}),
	}
}

// A serviceInfo is a service as programs read it.
type serviceInfo struct {
	Service   string                  `json:"service"`
	Revision  int32                   `json:"revision"` // of the sheet
	Roster    int32                   `json:"roster"`   // counts registrations
	Features  map[string]muster.Entry `json:"features"`
	Instances []instanceInfo          `json:"instances"`
	Knocks    []muster.Knock          `json:"knocks"`
	Problem   string                  `json:"problem,omitempty"`
}

func infoOf(s muster.Service) serviceInfo {
	info := serviceInfo{
		Service: s.Sheet.Service, Revision: s.Sheet.Revision, Roster: s.Roster,
		Features: s.Sheet.Features, Instances: memberInfos(s), Knocks: nonNil(s.Knocks), Problem: s.Problem,
	}
	if info.Features == nil {
		info.Features = map[string]muster.Entry{}
	}
	return info
}

func serviceRow(s muster.Service) []string {
	live := 0
	versions := make(map[string]int)
	for _, m := range s.Members {
		versions[or(m.Instance.Version, "unknown")]++
		if m.Live {
			live++
		}
	}
	var fleet []string
	for _, v := range slices.Sorted(maps.Keys(versions)) {
		fleet = append(fleet, fmt.Sprintf("%d of %s", versions[v], v))
	}
	return []string{
		s.Sheet.Service, strconv.Itoa(len(s.Members)), strconv.Itoa(live), or(strings.Join(fleet, ", "), "-"),
		strconv.Itoa(len(s.Knocks)), strconv.Itoa(len(s.Sheet.Features)), or(s.Problem, "-"),
	}
}

func (p *program) serviceShow() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show a service's sheet and instances", ArgsUsage: "SERVICE",
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			args, err := arguments(c, "SERVICE")
			if err != nil {
				return err
			}
			s, err := cl.Service(c.Context, args[0])
			if err != nil {
				return err
			}
			return out.print(infoOf(s), func() { showService(out, s) })
		}),
	}
}

func showService(out *printer, s muster.Service) {
	out.line("%s", out.paint(bold, s.Sheet.Service))
	if s.Problem != "" {
		out.line("problem  %s", out.paint(red, s.Problem))
	}
	out.line("sheet    revision %d", s.Sheet.Revision)
	out.line("")
	rows := make([][]string, 0, len(s.Sheet.Features))
	for _, key := range s.Sheet.Keys() {
		e := s.Sheet.Features[key]
		rows = append(rows, []string{key, out.stage(e.Stage), strconv.FormatInt(e.Epoch, 10), e.Gate.String(), e.Constraint.String()})
	}
	out.table([]string{"FEATURE", "STAGE", "EPOCH", "GATE", "CONSTRAINT"}, rows)
	out.line("")
	out.table(instanceHeader(), instanceRows(out, s))
}

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

func (p *program) instance() *cli.Command {
	return &cli.Command{
		Name: "instance", Usage: "list instances, and confirm that one is gone", Category: categoryRegistry,
		Subcommands: []*cli.Command{p.instanceList(), p.instanceDecommission()},
	}
}

// An instanceInfo is an instance as programs read it.
type instanceInfo struct {
	muster.Member
	State string `json:"state"` // live, draining, vanished or refused
}

func (p *program) instanceList() *cli.Command {
	return &cli.Command{
		Name: "list", Aliases: []string{"ls"}, Usage: "list the instances of one service or of all", ArgsUsage: "[SERVICE]",
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			var services []muster.Service
			if c.Args().Len() == 0 {
				all, err := cl.Services(c.Context)
				if err != nil {
					return err
				}
				services = all
			} else {
				args, err := arguments(c, "SERVICE")
				if err != nil {
					return err
				}
				s, err := cl.Service(c.Context, args[0])
				if err != nil {
					return err
				}
				services = []muster.Service{s}
			}
			infos := make([]instanceInfo, 0)
			var rows [][]string
			for _, s := range services {
				infos = append(infos, instanceInfos(s)...)
				rows = append(rows, instanceRows(out, s)...)
			}
			return out.print(infos, func() { out.table(instanceHeader(), rows) })
		}),
	}
}

// instanceInfos lists the members of a service, and then those that its gate
// refused.
func instanceInfos(s muster.Service) []instanceInfo {
	infos := memberInfos(s)
	for _, k := range s.Knocks {
		infos = append(infos, instanceInfo{muster.Member{Instance: k.Instance}, "refused"})
	}
	return infos
}

func memberInfos(s muster.Service) []instanceInfo {
	infos := make([]instanceInfo, 0, len(s.Members))
	for _, m := range s.Members {
		state := "live"
		switch {
		case m.Problem != "":
			state = "unreadable"
		case !m.Live:
			state = "vanished"
		case m.Ack.Draining > 0:
			state = "draining"
		}
		infos = append(infos, instanceInfo{m, state})
	}
	return infos
}

func instanceHeader() []string {
	return []string{"SERVICE", "INSTANCE", "VERSION", "STATE", "REVISION", "STARTED", "LABELS"}
}

func instanceRows(out *printer, s muster.Service) [][]string {
	var rows [][]string
	for _, i := range instanceInfos(s) {
		revision := "-"
		if i.Live {
			revision = fmt.Sprint(i.Ack.Revision)
		}
		state := i.State
		switch {
		case state == "vanished":
			state = out.paint(red, state) + " " + out.ago(i.Vanished)
		case state == "refused":
			state = out.paint(yellow, state)
		case state == "draining":
			state = fmt.Sprintf("draining %d", i.Ack.Draining)
		case i.Problem != "":
			state = out.paint(red, i.Problem)
		}
		labels := make([]string, 0, len(i.Instance.Labels))
		for _, k := range slices.Sorted(maps.Keys(i.Instance.Labels)) {
			labels = append(labels, k+"="+i.Instance.Labels[k])
		}
		rows = append(rows, []string{
			s.Sheet.Service, i.Instance.ID, or(i.Instance.Version, "-"), state, revision, out.ago(i.Instance.Started), or(strings.Join(labels, ","), "-"),
		})
	}
	return rows
}

func (p *program) instanceDecommission() *cli.Command {
	return &cli.Command{
		Name: "decommission", Usage: "confirm that a vanished instance is gone and does not serve", ArgsUsage: "SERVICE/INSTANCE",
		Flags: []cli.Flag{whyFlag()},
		Action: p.ask(func(c *cli.Context, cl *client.Client, out *printer) error {
			args, err := arguments(c, "SERVICE/INSTANCE")
			if err != nil {
				return err
			}
			service, id, ok := strings.Cut(args[0], "/")
			if !ok || service == "" || id == "" {
				return usage(c.Command.HelpName, "%q is not SERVICE/INSTANCE, such as checkout/c1", args[0])
			}
			if err := cl.Decommission(c.Context, service, id, client.Why(c.String("why"))); err != nil {
				return err
			}
			result := map[string]string{"service": service, "instance": id}
			return out.print(result, func() { out.line("%s: decommissioned", args[0]) })
		}),
	}
}

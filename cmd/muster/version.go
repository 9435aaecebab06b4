package main

import (
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version is set by the linker (-X main.version=v1.2.3); a build by go install
// knows its version without.
var version string

// A build says what this program is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: or(version, "devel"), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; version == "" && v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	return b
}

func (p *program) version() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version of this program", Category: categoryOther,
		Action: p.answer(func(c *cli.Context, out *printer) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			b := thisBuild()
			return out.print(b, func() { out.line("muster %s (%s, %s)", b.Version, b.Go, b.Platform) })
		}),
	}
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster/internal/manifest"
)

// envPrefix begins the name of every environment variable that is read.
const envPrefix = "MUSTER_"

// env returns the environment variable of a setting: agent is MUSTER_AGENT. In
// the configuration file the setting has its own name.
func env(setting string) []string {
	return []string{envPrefix + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))}
}

// setting is the inverse of env: the name of a flag in the configuration file,
// "" for a flag that can be given on the command line only.
func setting(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok || len(d.GetEnvVars()) == 0 {
		return ""
	}
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(d.GetEnvVars()[0], envPrefix), "_", "-"))
}

// configure fills in from the configuration file what neither a flag nor the
// environment gave.
func configure(c *cli.Context) error {
	values, err := readConfig(c.String("config"), c.IsSet("config"), settings(c.App))
	if err != nil {
		return err
	}
	for _, f := range slices.Concat(c.Command.Flags, c.App.Flags) {
		value, ok := values[setting(f)]
		if name := f.Names()[0]; ok && !c.IsSet(name) {
			if err := c.Set(name, value.text); err != nil {
				return usage("", "%s: %s: %v", value.at, setting(f), err)
			}
		}
	}
	return nil
}

// settings returns the names that may stand in a configuration file, sorted.
func settings(app *cli.App) []string {
	names := make(map[string]bool)
	add := func(flags []cli.Flag) {
		for _, f := range flags {
			names[setting(f)] = true
		}
	}
	add(app.Flags)
	for _, c := range app.Commands {
		add(c.Flags)
		for _, s := range c.Subcommands {
			add(s.Flags)
		}
	}
	delete(names, "")
	delete(names, "config")
	return slices.Sorted(maps.Keys(names))
}

// configPath returns the path of the configuration file of this user.
func configPath() string {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "muster", "config.yaml")
}

// A value of the configuration file, and where it stands.
type value struct{ text, at string }

// readConfig reads the configuration file; unless it was asked for by name it
// need not exist.
func readConfig(path string, required bool, known []string) (map[string]value, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !required:
		return nil, nil
	case err != nil:
		return nil, usage("", "read configuration: %v", err)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, usage("", "read configuration %s: %v", path, err)
	}
	values := make(map[string]value)
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		mapping, ok := doc.Body.(*ast.MappingNode)
		if !ok {
			return nil, usage("", "%s: configuration is not a mapping of keys to values, such as agent: 127.0.0.1:7420", path)
		}
		for _, entry := range mapping.Values {
			key, pos := entry.Key.GetToken().Value, entry.Key.GetToken().Position
			at := fmt.Sprintf("%s:%d:%d", path, pos.Line, pos.Column)
			if !slices.Contains(known, key) {
				return nil, usage("", "%s: setting %q is not known%s", at, key, manifest.Hint(key, known))
			}
			text, ok := scalarText(entry.Value)
			if !ok {
				return nil, usage("", "%s: %s is neither a value nor a list of values", at, key)
			}
			values[key] = value{text: text, at: at}
		}
	}
	return values, nil
}

// scalarText returns a scalar as it is written, or the elements of a list
// joined by commas.
func scalarText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.SequenceNode:
		parts := make([]string, len(n.Values))
		for i, v := range n.Values {
			part, ok := scalarText(v)
			if !ok {
				return "", false
			}
			parts[i] = part
		}
		return strings.Join(parts, ","), true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	default:
		return "", false
	}
}

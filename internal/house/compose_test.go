package house

import (
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// composed is what docker-compose.yml says, as far as it speaks of this project.
type composed struct {
	Services map[string]struct {
		Image string
		Build struct{ Context, Target string }
		// DependsOn is by the name of a service.
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Command     []string
		Environment map[string]string
		Volumes     []string
	}
	Volumes map[string]any
}

// No daemon runs where tests do; but names that point nowhere are what breaks.
func TestComposeHangsTogether(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	docker, err := os.ReadFile(filepath.Join(top, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var compose composed
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	images := make(map[string]int)
	for name, service := range compose.Services {
		images[service.Image]++
		for other := range service.DependsOn {
			if _, known := compose.Services[other]; !known {
				t.Errorf("%s depends on %s, which is no service", name, other)
			}
		}
		for _, volume := range service.Volumes {
			volume, _, _ = strings.Cut(volume, ":")
			if _, known := compose.Volumes[volume]; !known {
				t.Errorf("%s mounts %s, which is no volume", name, volume)
			}
		}
		if target := service.Build.Target; target != "" && !strings.Contains(string(docker), " AS "+target+"\n") {
			t.Errorf("%s is built from %q, which is no stage of the Dockerfile", name, target)
		}
		if service.Build.Target == "shop" {
			if want := " ./examples/shop/" + path.Base(service.Command[0]); !strings.Contains(string(docker), want) {
				t.Errorf("%s runs %s, which the Dockerfile does not build", name, service.Command[0])
			}
		}
		for _, host := range hosts(append(service.Command, service.Environment["ZOO_SERVERS"])) {
			if _, known := compose.Services[host]; !known {
				t.Errorf("%s speaks to %s, which is no service", name, host)
			}
		}
	}
	if images["zookeeper:3.8"] != 3 || images["muster"] != 2 || images["muster-shop"] != 3 {
		t.Errorf("images %v, want three ZooKeeper servers, two agents and the three services of the shop", images)
	}
}

// hosts finds the names in host:port and server.1=host:port:… that are not
// addresses.
func hosts(words []string) []string {
	var names []string
	for _, word := range words {
		for _, one := range strings.FieldsFunc(word, func(r rune) bool { return r == ',' || r == ' ' }) {
			_, after, found := strings.Cut(one, "=")
			if found {
				one = after
			}
			host, _, found := strings.Cut(one, ":")
			if found && net.ParseIP(host) == nil {
				names = append(names, host)
			}
		}
	}
	return names
}

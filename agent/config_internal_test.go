package agent

import (
	"strings"
	"testing"

	"github.com/musterhq/muster"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	servers := []string{"127.0.0.1:2181"}
	for name, tc := range map[string]struct {
		cfg  Config
		want string // of the error; "" for none
	}{
		"defaults":            {Config{ZooKeeper: servers}, ""},
		"no server":           {Config{}, "no ZooKeeper server"},
		"a relative root":     {Config{ZooKeeper: servers, Root: "muster"}, "not a path"},
		"a root with a slash": {Config{ZooKeeper: servers, Root: "/muster/"}, "not a path"},
		"an evil name":        {Config{ZooKeeper: servers, Name: "a/b"}, "name"},
		"a negative timeout":  {Config{ZooKeeper: servers, SessionTimeout: -1}, "session timeout"},
		"negative quarantine": {Config{ZooKeeper: servers, Quarantine: -1}, "quarantine"},
		"a negative history":  {Config{ZooKeeper: servers, HistoryKeep: -1}, "history"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.cfg.withDefaults()
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want an error about %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := muster.ValidateInstance(got.Name); err != nil {
				t.Errorf("the default name %q: %v", got.Name, err)
			}
		})
	}
}

package agent

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/musterhq/muster"
)

// metrics writes the numbers worth an alert, in Prometheus's text format.
func (s *server) metrics(w http.ResponseWriter, _ *http.Request) {
	var out bytes.Buffer
	_, leading := s.view.Leader()
	family(&out, "muster_agent_ready", "gauge", "Whether this agent's view is complete and fed.")
	sample(&out, "muster_agent_ready", "", bit(s.view.Ready() == nil))
	family(&out, "muster_agent_leading", "gauge", "Whether this agent leads.")
	sample(&out, "muster_agent_leading", "", bit(leading))
	writeFeatures(&out, s.view.Features())
	writeInstances(&out, s.view.Services())

	family(&out, "muster_calls_total", "counter", "Calls of the API by what became of them.")
	calls, order := s.record.counts()
	for _, o := range order {
		sample(&out, "muster_calls_total", fmt.Sprintf("method=%q,code=%q", o.method, o.code), calls[o])
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = out.WriteTo(w) // nobody is left to tell
}

func writeFeatures(out *bytes.Buffer, features []muster.Feature) {
	family(out, "muster_feature_stage", "gauge", "Where a feature stands: 0 off, 1 accept, 2 on.")
	for _, f := range features {
		sample(out, "muster_feature_stage", fmt.Sprintf("feature=%q", f.Status.Feature), uint64(max(f.Status.Stage, 0)))
	}
	family(out, "muster_feature_settled", "gauge", "Whether a feature stands where it is wanted.")
	for _, f := range features {
		sample(out, "muster_feature_settled", fmt.Sprintf("feature=%q", f.Status.Feature), bit(f.Status.Settled()))
	}
	family(out, "muster_feature_blockers", "gauge", "How many things a feature waits for.")
	for _, f := range features {
		sample(out, "muster_feature_blockers", fmt.Sprintf("feature=%q", f.Status.Feature), uint64(len(f.Blockers)))
	}
}

func writeInstances(out *bytes.Buffer, services []muster.Service) {
	family(out, "muster_instances", "gauge", "Members of a service's roster.")
	for _, svc := range services {
		line := lineOf(svc)
		sample(out, "muster_instances", fmt.Sprintf("service=%q,live=\"true\"", line.Name), uint64(line.Live))
		sample(out, "muster_instances", fmt.Sprintf("service=%q,live=\"false\"", line.Name), uint64(line.Instances-line.Live))
	}
}

func family(out *bytes.Buffer, name, kind, help string) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample writes a value; labels are names, which hold nothing to be escaped.
func sample(out *bytes.Buffer, name, labels string, value uint64) {
	if labels != "" {
		labels = "{" + labels + "}"
	}
	fmt.Fprintf(out, "%s%s %d\n", name, labels, value)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

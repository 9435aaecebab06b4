package agent

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/musterhq/muster"
)

// statusTemplate shows people at a glance where everything stands.
var statusTemplate = template.Must(template.New("status").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>muster</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 70em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; width: 100%; margin: 1em 0 2em }
th, td { text-align: left; padding: .3em 1em .3em 0; border-bottom: 1px solid #8884; vertical-align: top }
.on { color: #1a7f37 } .accept { color: #9a6700 } .off { color: #6e7781 } .problem { color: #cf222e } small { opacity: .75 }
</style></head><body>
<h1>muster</h1>
<p>{{.Agent}}{{if .Leading}} (leads){{else if .Leader}}; {{.Leader}} leads{{else}}; <span class="problem">no leader is known</span>{{end}}</p>
{{with .Problem}}<p class="problem">Not ready: {{.}}. What follows is the last that is known.</p>{{end}}
<h2>Features</h2>
<table><tr><th>feature</th><th>stage</th><th>wanted</th><th>waits for</th></tr>
{{range .Features}}<tr><td>{{.Status.Feature}}<br><small>{{.Spec.Description}}</small></td>
<td class="{{.Status.Stage}}">{{.Status.Stage}}</td><td class="{{.Status.Desired}}">{{.Status.Desired}}</td>
<td>{{range .Blockers}}{{.}}<br>{{end}}</td></tr>
{{else}}<tr><td colspan="4">none yet: muster apply -f FILE</td></tr>{{end}}</table>
<h2>Services</h2>
<table><tr><th>service</th><th>instances</th><th>live</th><th>versions</th></tr>
{{range .Services}}<tr><td>{{.Name}}<br><small class="problem">{{.Problem}}</small></td><td>{{.Instances}}</td><td>{{.Live}}</td><td>{{.Versions}}</td></tr>
{{else}}<tr><td colspan="4">none yet</td></tr>{{end}}</table>
</body></html>
`))

// A serviceLine is one service on the page.
type serviceLine struct {
	Name, Versions, Problem string
	Instances, Live         int
}

// statusPage shows what this agent sees, and says so where that is old.
func (s *server) statusPage(w http.ResponseWriter, _ *http.Request) {
	leader, self := s.view.Leader()
	data := struct {
		Agent, Leader, Problem string
		Leading                bool
		Features               []muster.Feature
		Services               []serviceLine
	}{Agent: s.name, Leader: leader, Leading: self, Features: s.view.Features()}
	if err := s.view.Ready(); err != nil {
		data.Problem = err.Error()
	}
	for _, svc := range s.view.Services() {
		data.Services = append(data.Services, lineOf(svc))
	}
	var body bytes.Buffer
	if err := statusTemplate.Execute(&body, data); err != nil {
		plain(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_, _ = body.WriteTo(w) // nobody is left to tell
}

func lineOf(svc muster.Service) serviceLine {
	line := serviceLine{Name: svc.Sheet.Service, Problem: svc.Problem, Instances: len(svc.Members)}
	counts := make(map[string]int)
	for _, m := range svc.Members {
		counts[m.Instance.Version]++
		if m.Live {
			line.Live++
		}
	}
	var versions []string
	for _, v := range sortedKeys(counts) {
		versions = append(versions, fmt.Sprintf("%d × %s", counts[v], orDefault(v, "none")))
	}
	line.Versions = strings.Join(versions, ", ")
	return line
}

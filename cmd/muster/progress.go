package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/musterhq/muster"
)

// A progress tells on standard error how a feature is coming along: bars that
// are drawn anew on a terminal, and elsewhere one line for each change. It is
// safe for concurrent use.
type progress struct {
	w     io.Writer
	paint *printer // its width is 0 where there is no terminal
	began time.Time
	stop  func() // ends the clock, and waits for it

	mu    sync.Mutex // guards the fields below
	last  featureStatus
	drawn int    // lines of the last picture
	said  string // the last line
}

// newProgress returns the progress for what w is.
func newProgress(w io.Writer) *progress { return startProgress(w, terminalWidth(w)) }

// startProgress starts the clock of the bars; close stops it.
func startProgress(w io.Writer, width int) *progress {
	p := &progress{w: w, paint: &printer{w: w, color: width > 0 && colorWanted(), width: width}, began: time.Now(), stop: func() {}}
	if width == 0 {
		return p
	}
	ctx, cancel := context.WithCancel(context.Background())
	var clock sync.WaitGroup
	clock.Go(func() { p.tick(ctx) })
	p.stop = func() {
		cancel()
		clock.Wait()
	}
	return p
}

// tick redraws the picture every second.
func (p *progress) tick(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			p.mu.Lock()
			if p.drawn > 0 {
				p.drawLocked()
			}
			p.mu.Unlock()
		}
	}
}

// close leaves what was drawn on the screen.
func (p *progress) close() { p.stop() }

// show tells of a new state.
func (p *progress) show(s featureStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = s
	if p.paint.width > 0 {
		p.drawLocked()
		return
	}
	if line := summary(s); line != p.said {
		p.said = line
		fmt.Fprintln(p.w, line)
	}
}

// drawLocked replaces the last picture.
func (p *progress) drawLocked() {
	lines := picture(p.last, p.paint, time.Since(p.began))
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	b.WriteString("\x1b[J")
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	p.drawn = len(lines)
	_, _ = io.WriteString(p.w, b.String())
}

// summary says in one line where the feature stands and what it waits for.
func summary(s featureStatus) string {
	line := fmt.Sprintf("%s: %s", s.Status.Feature, s.Status.Stage)
	if s.Status.Stage != s.Status.Desired {
		line += fmt.Sprintf(", wanted %s", s.Status.Desired)
	}
	var waits []string
	for _, b := range holding(s.Blockers) {
		waits = append(waits, b.String())
	}
	if len(waits) > 0 {
		line += "; waits for " + strings.Join(waits, "; ")
	}
	return line
}

const barWidth = 20

// picture draws the feature's way and a bar for each participant, every line
// within the width of the terminal, or else it would wrap and the next picture
// would begin in the wrong place.
func picture(s featureStatus, p *printer, elapsed time.Duration) []string {
	width := p.width - 1 // the last column makes some terminals wrap
	names := 0
	for _, part := range s.Participants {
		names = max(names, len(part.Service))
	}
	head := s.Status.Stage.String()
	if s.Status.Stage != s.Status.Desired {
		head += " → " + s.Status.Desired.String()
	}
	lines := []string{fit(fmt.Sprintf("%s  %s  %s", s.Status.Feature, head, span(elapsed)), width)}
	for _, part := range s.Participants {
		done, of, what := part.progress(s.Status)
		label := fmt.Sprintf("  %-*s  ", names, part.Service)
		rest := fmt.Sprintf("  %d of %d %s%s", done, of, what, waitsFor(holding(s.Blockers), part.Service))
		lines = append(lines, fit(label, width-barWidth)+bar(p, done, of)+fit(rest, width-barWidth-len(label)))
	}
	for _, b := range holding(s.Blockers) {
		if b.Service == "" {
			lines = append(lines, fit("  waits: "+b.Detail, width))
		}
	}
	return lines
}

// bar draws how many of how many are done.
func bar(p *printer, done, of int) string {
	full := 0
	if of > 0 {
		full = barWidth * min(done, of) / of
	}
	return p.paint(green, strings.Repeat("█", full)) + p.paint(dim, strings.Repeat("░", barWidth-full))
}

// waitsFor names the first instance of a service that is waited for.
func waitsFor(blockers []muster.Blocker, service string) string {
	more := 0
	first := ""
	for _, b := range blockers {
		switch {
		case b.Service != service:
		case first == "":
			first = b.Detail
			if b.Instance != "" {
				first = b.Instance + " " + b.Detail
			}
		default:
			more++
		}
	}
	switch {
	case first == "":
		return ""
	case more > 0:
		return fmt.Sprintf("; waits for %s, and %d more", first, more)
	}
	return "; waits for " + first
}

// fit cuts text to a number of columns.
func fit(text string, columns int) string {
	runes := []rune(text)
	if len(runes) <= columns {
		return text
	}
	return string(runes[:max(columns-1, 0)]) + "…"
}

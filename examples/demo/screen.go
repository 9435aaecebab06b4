package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/musterhq/muster"
)

// A picture is what the audience sees at one moment.
type picture struct {
	Leader  string
	Feature muster.Feature
	Fleet   []muster.Service // in the order of services; nil where unknown
	Tally   tally
}

// A screen shows the story. On a terminal it is a picture that is drawn again
// and again over a log of what happens; elsewhere only the log.
type screen struct {
	mu    sync.Mutex // guards the fields below
	out   io.Writer
	live  bool
	begin time.Time
	lines int // height of the picture that stands on the terminal
	last  string
}

func newScreen(out *os.File) *screen {
	return &screen{out: out, live: term.IsTerminal(int(out.Fd())), begin: time.Now()}
}

// say adds a line to the log.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
	fmt.Fprintf(s.out, "%5.1fs  %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, args...))
}

// chapter adds a heading to the log.
func (s *screen) chapter(title string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
	fmt.Fprintf(s.out, "\n%s\n", title)
}

// show draws the picture; off a terminal it tells when something new is waited
// for.
func (s *screen) show(p picture) {
	if !s.live {
		if waits := waits(p.Feature); waits != "" && waits != s.lastWaits(waits) {
			s.say("waits for %s", waits)
		}
		return
	}
	text := p.draw()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
	fmt.Fprint(s.out, text)
	s.lines = strings.Count(text, "\n")
}

// lastWaits remembers what is waited for and returns what was before.
func (s *screen) lastWaits(waits string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last
	s.last = waits
	return last
}

// clear takes the picture off the terminal.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked()
}

func (s *screen) clearLocked() {
	if s.lines > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.lines)
		s.lines = 0
	}
}

// waits names the first thing that is waited for, and counts the others.
func waits(f muster.Feature) string {
	switch n := len(f.Blockers); n {
	case 0:
		return ""
	case 1:
		return f.Blockers[0].String()
	default:
		return fmt.Sprintf("%s, and %d more", f.Blockers[0], n-1)
	}
}

func (p picture) draw() string {
	var b strings.Builder
	st := p.Feature.Status
	fmt.Fprintf(&b, "\n  %s  %s", bold(st.Feature), stage(st.Stage))
	fmt.Fprintf(&b, "   wanted %s   gate %s   epoch %d   leader %s\n", st.Desired, st.Gate, st.Epoch, p.Leader)
	for _, svc := range p.Fleet {
		fmt.Fprintf(&b, "  %-11s", svc.Sheet.Service)
		for _, m := range svc.Members {
			fmt.Fprintf(&b, "  %s", member(m, svc.Sheet))
		}
		for _, k := range svc.Knocks {
			fmt.Fprintf(&b, "  %s", paint(31, fmt.Sprintf("%s %s refused", number(k.Instance.ID), k.Instance.Version)))
		}
		b.WriteByte('\n')
	}
	if w := waits(p.Feature); w != "" {
		fmt.Fprintf(&b, "  waits for  %s\n", cut(w, 110))
	}
	fmt.Fprintf(&b, "  %d requests   %d hops in the old form, %d in the new   %s\n",
		p.Tally.Requests, p.Tally.OldForm, p.Tally.NewForm, mixed(p.Tally.Mixed))
	return b.String()
}

// member shows an instance: its number, its version, whether it lives and
// whether it has acked all that its sheet says.
func member(m muster.Member, sheet muster.Sheet) string {
	text := number(m.Instance.ID) + " " + m.Instance.Version
	switch {
	case !m.Live:
		return paint(90, text+" gone ")
	case m.Ack.Revision < sheet.Revision:
		return paint(33, text+" …    ")
	case m.Instance.Version == oldVersion:
		return text + "      "
	default:
		return paint(32, text+"      ")
	}
}

func number(id string) string { return "#" + id[strings.LastIndexByte(id, '-')+1:] }

func stage(s muster.Stage) string {
	switch s {
	case muster.On:
		return paint(42, " on ")
	case muster.Accept:
		return paint(43, " accept ")
	default:
		return paint(100, " off ")
	}
}

func mixed(n int) string {
	if n == 0 {
		return paint(32, "0 mixed-version errors")
	}
	return paint(31, fmt.Sprintf("%d mixed-version errors", n))
}

func paint(code int, text string) string { return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, text) }
func bold(text string) string            { return paint(1, text) }

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

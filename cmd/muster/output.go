package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/term"

	"github.com/musterhq/muster"
)

// The formats of -o.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

// A printer writes answers: for people as text and tables, for programs as one
// JSON or YAML document. It is not safe for concurrent use.
type printer struct {
	w      io.Writer
	format string
	color  bool
	// width of the terminal in columns; 0 where there is none.
	width int
	now   time.Time
}

func newPrinter(w io.Writer, format string) (*printer, error) {
	if formats := []string{formatTable, formatJSON, formatYAML}; !slices.Contains(formats, format) {
		return nil, usage("", "output format %q is not one of %s", format, strings.Join(formats, ", "))
	}
	width := terminalWidth(w)
	return &printer{w: w, format: format, color: width > 0 && colorWanted(), width: width, now: time.Now()}, nil
}

// terminalWidth returns the columns of the terminal behind w, and 0 when w is
// something else.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// colorWanted honours https://no-color.org.
func colorWanted() bool { return os.Getenv("NO_COLOR") == "" }

// print writes an answer: v for programs, or what people writes for people.
func (p *printer) print(v any, people func()) error {
	if p.format == formatTable {
		people()
		return nil
	}
	encoded, err := encode(v, p.format)
	if err != nil {
		return fmt.Errorf("print as %s: %w", p.format, err)
	}
	_, err = p.w.Write(encoded)
	return err
}

// encode writes v as one JSON or YAML document, which says the same: the YAML
// is made from the JSON.
func encode(v any, format string) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	if format == formatYAML {
		return jsonToYAML([]byte(b.String()))
	}
	return []byte(b.String()), nil
}

// next writes one of several answers: as a document of its own on one line or
// behind a ---, or for people as a picture that on a terminal replaces the one
// before.
func (p *printer) next(v any, people func(*printer)) error {
	switch p.format {
	case formatJSON:
		encoded, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("print as %s: %w", p.format, err)
		}
		_, err = fmt.Fprintf(p.w, "%s\n", encoded)
		return err
	case formatYAML:
		encoded, err := encode(v, p.format)
		if err != nil {
			return fmt.Errorf("print as %s: %w", p.format, err)
		}
		_, err = fmt.Fprintf(p.w, "---\n%s", encoded)
		return err
	}
	var b strings.Builder
	picture := *p
	picture.w, picture.now = &b, time.Now()
	people(&picture)
	before, after := "", "\n"
	if p.width > 0 {
		before, after = "\x1b[H\x1b[2J", ""
	}
	_, err := io.WriteString(p.w, before+b.String()+after)
	return err
}

// line writes one line of text for people.
func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// table writes a table without borders, as other tools can cut it.
func (p *printer) table(header []string, rows [][]string) {
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t := table.NewWriter()
	t.SetStyle(style)
	t.AppendHeader(cells(header))
	for _, row := range rows {
		t.AppendRow(cells(row))
	}
	for l := range strings.Lines(t.Render()) {
		fmt.Fprintln(p.w, strings.TrimRight(l, " \n"))
	}
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, text := range texts {
		row[i] = text
	}
	return row
}

// The colours that are used, as ANSI parameters.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
)

// paint colours text on a terminal.
func (p *printer) paint(color, text string) string {
	if !p.color || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// stage shows a stage in its colour.
func (p *printer) stage(s muster.Stage) string {
	switch s {
	case muster.On:
		return p.paint(green, s.String())
	case muster.Accept:
		return p.paint(yellow, s.String())
	default:
		return s.String()
	}
}

// ago shows how long ago something was, and "-" for never.
func (p *printer) ago(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return span(p.now.Sub(t)) + " ago"
}

// in shows how long it is until a moment, which may be over.
func (p *printer) in(t time.Time) string {
	if left := t.Sub(p.now); left > 0 {
		return "in " + span(left)
	}
	return "any moment now"
}

// span shows a duration in its one or two largest units.
func span(d time.Duration) string {
	switch d = max(d, 0).Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// stamp shows a moment in the local zone of whoever reads it.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// or returns text, and what stands for nothing when it is empty.
func or(text, nothing string) string {
	if text == "" {
		return nothing
	}
	return text
}

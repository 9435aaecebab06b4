package zoo

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// errWithheld: the server's whitelist does not allow the word.
var errWithheld = errors.New("not in the server's 4lw.commands.whitelist")

// What is believed of a server's numbers; anything else is garbage.
const (
	mostTick  = time.Hour
	mostLimit = 100_000 // ticks
)

// withheld reports whether an answer is a refusal: "conf is not executed
// because it is not in the whitelist."
func withheld(answer string) bool { return strings.Contains(answer, "not in the whitelist") }

// pairs returns the lines of an answer that are a key and a value.
func pairs(answer, separator string) map[string]string {
	values := make(map[string]string)
	lines := bufio.NewScanner(strings.NewReader(answer))
	lines.Buffer(nil, maxWord+1)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), separator); ok {
			values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return values
}

// readState reads the answer to srvr.
func (s *Server) readState(answer string) error {
	values := pairs(answer, ": ")
	mode, serves := values["Mode"]
	switch {
	case withheld(answer):
		return fmt.Errorf("srvr: %w", errWithheld)
	case !serves && strings.Contains(answer, "not currently serving"):
		return errors.New("it runs and does not serve: it has no quorum, or is starting")
	case !serves:
		return fmt.Errorf("srvr: no ZooKeeper server answers like this: %q", cut(answer))
	}
	s.Mode = cut(mode)
	s.Version, _, _ = strings.Cut(values["Zookeeper version"], ",")
	s.Version = cut(s.Version)
	s.Zxid, _ = strconv.ParseUint(strings.TrimPrefix(values["Zxid"], "0x"), 16, 64)
	s.Outstanding = whole(values["Outstanding"])
	s.Connections = whole(values["Connections"])
	if times := strings.Split(values["Latency min/avg/max"], "/"); len(times) == 3 {
		if average, err := strconv.ParseFloat(times[1], 64); err == nil && !math.IsNaN(average) && !math.IsInf(average, 0) {
			s.AverageLatency = average
		}
		s.MaxLatency = whole(times[2])
	}
	return nil
}

// whole reads a number that only people look at; 0 for none.
func whole(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// readSettings reads the answer to conf. A server whose numbers make no sense
// has none.
func readSettings(answer string) (*Settings, error) {
	if withheld(answer) {
		return nil, fmt.Errorf("conf: %w", errWithheld)
	}
	values := pairs(answer, "=")
	number := func(key string, least, most int64) int64 {
		n, err := strconv.ParseInt(values[key], 10, 64)
		if err != nil || n < least || n > most {
			return 0
		}
		return n
	}
	span := func(key string) time.Duration {
		return time.Duration(number(key, 1, mostTick.Milliseconds())) * time.Millisecond
	}
	s := &Settings{
		ServerID: number("serverId", 0, math.MaxInt64),
		Tick:     span("tickTime"), MinSession: span("minSessionTimeout"), MaxSession: span("maxSessionTimeout"),
		InitLimit: int(number("initLimit", 1, mostLimit)), SyncLimit: int(number("syncLimit", 1, mostLimit)),
	}
	if s.Tick == 0 {
		return nil, fmt.Errorf("conf: no tickTime in %q", cut(answer))
	}
	for line := range strings.Lines(answer) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(key, "server.") {
			s.Members = append(s.Members, cut(key+"="+value))
		}
	}
	return s, nil
}

// cut bounds what is repeated of an answer.
func cut(text string) string {
	const most = 200
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

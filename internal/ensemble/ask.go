package ensemble

import (
	"bufio"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// mode is what the server says it is: "leader", "follower", "standalone", or ""
// while it serves no clients.
func (s *server) mode() string {
	if _, serve := s.meant(); !serve {
		return ""
	}
	answer, err := ask(s.addr, "srvr")
	if err != nil {
		return ""
	}
	lines := bufio.NewScanner(strings.NewReader(answer))
	for lines.Scan() {
		if mode, found := strings.CutPrefix(lines.Text(), "Mode: "); found {
			return mode
		}
	}
	return ""
}

// ask sends one of ZooKeeper's four-letter words and gives the answer.
func ask(addr, word string) (string, error) {
	const bound = time.Second
	conn, err := net.DialTimeout("tcp", addr, bound)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(bound)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, word); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// tail is the end of a log from offset start on: enough to see why, little
// enough to read.
func tail(name string, start int64) string {
	const most = 8 << 10
	file, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil {
		start = max(start, info.Size()-most)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, start, most))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

package ensemble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Where Debian's package puts ZooKeeper. Its manifest names the other jars; only
// the logger has to be added.
const (
	zookeeperJar = "/usr/share/java/zookeeper.jar"
	loggerJar    = "/usr/share/java/slf4j-simple.jar"
	mainClass    = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
)

// grace is how long a server may take to end after SIGTERM.
const grace = 10 * time.Second

// server is one ZooKeeper server: a process at a time, on one data directory.
type server struct {
	home, addr, log string
	env             []string // beside ours

	mu     sync.Mutex    // guards the fields below; held until a process has ended
	proc   *exec.Cmd     // nil when it was not started, or ended on purpose
	exited chan struct{} // closed when proc has ended
	paused bool
	wg     sync.WaitGroup // the goroutine that reaps proc
}

func newServer(home string, port int) (*server, error) {
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	return &server{home: home, addr: address(port), log: filepath.Join(home, "log")}, nil
}

// Arguments are those with which java runs one server on home/zoo.cfg, for those
// who start servers in a way of their own. Each server needs a home.
func Arguments(home string) []string {
	return []string{
		"-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // small, and quick to start
		"-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
		"-Dzookeeper.jmx.log4j.disable=true",
		"-cp", zookeeperJar + string(os.PathListSeparator) + loggerJar,
		mainClass, filepath.Join(home, "zoo.cfg"),
	}
}

// start starts the process, and ends the former one first if it runs.
func (s *server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killLocked()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own handle
	cmd := exec.Command("java", Arguments(s.home)...)
	cmd.Dir = s.home
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.proc, s.exited, s.paused = cmd, exited, false
	s.wg.Go(func() {
		_ = cmd.Wait() // how a killed process ended says nothing
		close(exited)
	})
	return nil
}

func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killLocked()
}

func (s *server) killLocked() {
	s.signalLocked(syscall.SIGKILL)
	s.wg.Wait()
	s.proc = nil
}

func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return
	}
	s.signalLocked(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(grace):
	}
	s.killLocked()
}

func (s *server) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = true
	if s.proc == nil {
		return
	}
	s.signalLocked(syscall.SIGSTOP)
	// The signal only asks: threads run on until they see it. The system reports
	// the stop, or the end, when the last one has.
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(s.proc.Process.Pid, &status, syscall.WUNTRACED, nil)
		if !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

func (s *server) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = false
	s.signalLocked(syscall.SIGCONT)
}

func (s *server) signalLocked(sig os.Signal) {
	if s.proc != nil {
		_ = s.proc.Process.Signal(sig) // fails only when the process has ended
	}
}

// meant says whether the server is meant to serve, neither ended nor paused on
// purpose, and gives the channel that is closed when its process has ended.
func (s *server) meant() (exited <-chan struct{}, serve bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exited, s.proc != nil && !s.paused
}

// await returns when the server serves clients, and at once when it is not meant
// to.
func (s *server) await(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		exited, serve := s.meant()
		if !serve || s.mode() != "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-exited:
			return errors.New("ended by itself; its log says why")
		case <-ctx.Done():
			return fmt.Errorf("does not serve: %w", context.Cause(ctx))
		}
	}
}

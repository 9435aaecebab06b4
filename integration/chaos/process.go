package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/musterhq/muster/integration/chaos/told"
)

// A process runs on a host, in its namespace. It is ended by its handle only.
// But for done and meant it belongs to the goroutine that lets things happen.
type process struct {
	name    string
	cmd     *exec.Cmd
	stopped bool          // by SIGSTOP
	meant   atomic.Bool   // the driver has told it to end
	done    chan struct{} // closed when it has ended, and all that it said was read
}

// spawn starts a program on a host. Its log is appended to dir/name.log. With
// hear it is an instance, and says lines on standard output.
func spawn(dir string, h *host, name string, hear func(told.Line), program string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	// ip gives way to the program: its id, its signals and its end are the program's.
	p := &process{
		name: name, done: make(chan struct{}),
		cmd: exec.Command("ip", append([]string{"netns", "exec", h.ns, program}, args...)...),
	}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1", "MUSTER_CONFIG=", "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// Out of reach of the terminal's signals, and not to outlive a driver that crashes.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var lines *bufio.Scanner
	if hear != nil {
		p.cmd.Stdout = nil
		out, err := p.cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		lines = bufio.NewScanner(out)
	}
	if err := p.cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { // ends with the process; kill waits for it
		defer close(p.done)
		defer log.Close()
		for lines != nil && lines.Scan() {
			var line told.Line
			if json.Unmarshal(lines.Bytes(), &line) == nil { // else it was killed in the middle of it
				hear(line)
			}
		}
		_ = p.cmd.Wait() // how it ended is told by its log
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// strayed reports whether the process has ended of its own.
func (p *process) strayed() bool { return !p.running() && !p.meant.Load() }

// kill ends the process as a crash would, and waits for it.
func (p *process) kill() {
	p.meant.Store(true)
	p.signal(syscall.SIGKILL)
	<-p.done
}

// term asks the process to end.
func (p *process) term() {
	p.meant.Store(true)
	p.signal(syscall.SIGTERM)
}

func (p *process) stop() {
	p.stopped = true
	p.signal(syscall.SIGSTOP)
}

func (p *process) cont() {
	p.stopped = false
	p.signal(syscall.SIGCONT)
}

func (p *process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) } // an error says that it has ended

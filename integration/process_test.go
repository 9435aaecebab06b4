package integration_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// workshop is where the command muster is built, once for all tests.
var workshop struct {
	once sync.Once
	dir  string // "" where nothing was built
	err  error
}

// program builds the command muster and returns its path.
func program(t *testing.T) string {
	t.Helper()
	workshop.once.Do(func() {
		if workshop.dir, workshop.err = os.MkdirTemp("", "muster-integration-"); workshop.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", workshop.dir, "github.com/musterhq/muster/cmd/muster").CombinedOutput()
		if err != nil {
			workshop.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if workshop.err != nil {
		t.Fatalf("build muster: %v", workshop.err)
	}
	return filepath.Join(workshop.dir, "muster")
}

// A process is one that this test has started; it is ended by its handle.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	life *life         // of an instance; nil for an agent
	done chan struct{} // closed when it has ended, and all that it said was read

	stopped bool // by SIGSTOP

	mu  sync.Mutex // guards the field below
	log bytes.Buffer
}

// start runs the program until the test ends. An instance's life is given to
// take what it tells.
func start(t *testing.T, life *life, name, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(path, args...), life: life, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "MUSTER_CONFIG=", "XDG_CONFIG_HOME="+t.TempDir())
	p.cmd.SysProcAttr = notOrphaned()
	p.cmd.Stderr = p
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.hear(lines.Bytes())
		}
		_ = p.cmd.Wait() // how it ended is of no interest
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("%s (pid %d) said:\n%s", name, p.cmd.Process.Pid, p.log.Bytes())
		}
	})
	return p
}

// Write takes what the process says on standard error.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// hear takes a line of standard output.
func (p *process) hear(line []byte) {
	if p.life == nil {
		return
	}
	var e struct {
		Time     time.Time
		Event    sdk.EventKind
		Feature  string
		Stage    muster.Stage
		Epoch    int64
		Revision int32
	}
	if err := json.Unmarshal(line, &e); err != nil {
		p.t.Errorf("%s: line %q: %v", p.name, line, err)
		return
	}
	p.life.add(mark{Time: e.Time, Kind: e.Event, Feature: e.Feature, Stage: e.Stage, Epoch: e.Epoch, Revision: e.Revision})
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) mark(kind sdk.EventKind) {
	if p.life != nil {
		p.life.mark(kind)
	}
}

func (p *process) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("%s: signal %s: %v", p.name, s, err)
	}
}

// kill ends the process as a crash would, and waits for it.
func (p *process) kill() {
	p.mark(markKill)
	p.signal(syscall.SIGKILL)
	<-p.done
}

// term asks the process to end.
func (p *process) term() {
	p.mark(markTerm)
	p.signal(syscall.SIGTERM)
}

func (p *process) stop() {
	p.mark(markStop)
	p.signal(syscall.SIGSTOP)
	p.stopped = true
}

func (p *process) cont() {
	p.signal(syscall.SIGCONT)
	p.mark(markCont)
	p.stopped = false
}

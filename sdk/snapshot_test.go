package sdk_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// keeping has a process keep its sheet in a file.
func keeping(path string) func(*sdk.Config) {
	return func(c *sdk.Config) { c.Snapshot = path }
}

// cold starts a process without ZooKeeper.
func (w *world) cold(version string, edit ...func(*sdk.Config)) *process {
	w.Helper()
	p := &process{network: &network{away: true}}
	cfg := w.config(p, version)
	for _, f := range edit {
		f(&cfg)
	}
	ctx, cancel := context.WithTimeout(w.T.Context(), 5*time.Second)
	defer cancel()
	client, err := sdk.Open(ctx, cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { client.Close() })
	p.Client, p.flag = client, client.Bool(feature, false)
	return p
}

// onDisk is what a snapshot says beside its checksum.
type onDisk struct {
	Service  string
	Root     string
	Revision int32
	Written  time.Time
	Features map[string]muster.Entry
}

func readSnapshot(path string) (s onDisk) {
	data, err := os.ReadFile(path)
	if err == nil {
		_, body, _ := strings.Cut(string(data), "\n")
		err = json.Unmarshal([]byte(body), &s)
	}
	if err != nil {
		s.Revision = -1
	}
	return s
}

// kept waits until a revision is on disk.
func (w *world) kept(path string, revision int32) {
	w.Helper()
	w.within(3*time.Second, "kept", func() bool { return readSnapshot(path).Revision == revision })
}

// A start without ZooKeeper, with a snapshot on disk: the last known values by
// policy, at the fence, and it says so.
func TestCase28ColdStartWithASnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkout.snapshot")
	inWorld(t, func(w *world) {
		rev := w.policed(sdk.On, muster.FallToAccept, muster.Hold)
		first := w.open("2.0.0", keeping(path))
		w.kept(path, rev)
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("the file is %v %v, want 0600", info.Mode(), err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}

		p := w.cold("2.0.0", keeping(path))
		accept, hold, absent := p.Bool("accept", true), p.Bool("hold", false), p.Bool("absent", false)
		for flag, want := range map[*sdk.Flag[bool]]muster.Stage{accept: sdk.Accept, hold: sdk.On, absent: sdk.Accept} {
			if d := flag.Explain(w.Context()); d.Stage != want || flag.Stage(w.Context()) != want || d.Reason != sdk.ReasonStale || d.Revision != rev {
				t.Errorf("%s: %+v, want %v, STALE, of revision %d", flag.Key(), d, want, rev)
			}
		}
		if s := p.Status(); s.State != sdk.Joining || s.Revision != rev || !s.Snapshot.Equal(readSnapshot(path).Written) {
			t.Errorf("status %+v, want joining, by the snapshot of revision %d", s, rev)
		}
		if p.Ready() == nil {
			t.Error("known to nobody it is ready")
		}
		if diff := cmp.Diff(p.kinds(), []string{"stale", "accept", "on"}); diff != "" {
			t.Error(diff)
		}
		pinned, release := p.Pin(w.Context())
		if accept.Stage(pinned) != sdk.Accept || pinned.Err() != nil {
			t.Error("a request is worse off than no request")
		}

		rev = w.policed(sdk.Off, muster.FallToAccept, muster.Hold)
		p.heal()
		w.within(time.Minute, "joined", func() bool { return p.Status().State == sdk.Live })
		if d := hold.Explain(w.Context()); d.Stage != sdk.Off || d.Reason != sdk.ReasonSheet || d.Revision != rev {
			t.Errorf("joined: %+v, want off by the sheet", d)
		}
		if s := p.Status(); !s.Snapshot.IsZero() || s.Revision != rev || p.Ready() != nil {
			t.Errorf("joined: status %+v, ready %v", s, p.Ready())
		}
		if d := accept.Explain(pinned); d.Stage != sdk.Accept || d.Reason != sdk.ReasonStale || pinned.Err() != nil {
			t.Errorf("the request from before sees %+v, want that it stays at the fence", d)
		}
		if ack := w.member(p).Ack; ack.Revision != -1 {
			t.Errorf("acked %+v with a request in flight that has seen another history", ack)
		}
		release()
		w.within(2*time.Second, "acked", w.acked(p, rev))
		w.kept(path, rev)
	})
}

// Who wants to serve though nobody knows of it may, unless what it remembers
// forbids it (G2, G4).
func TestCase28ColdStartThatServes(t *testing.T) {
	for name, tc := range map[string]struct {
		version string
		policy  muster.OnDisconnect
		stage   muster.Stage
		unready string
		held    muster.Stage
	}{
		"accept":                           {"2.0.0", muster.FallToAccept, sdk.On, "", sdk.Accept},
		"hold":                             {"2.0.0", muster.Hold, sdk.On, "", sdk.On},
		"stop":                             {"2.0.0", muster.Stop, sdk.On, "stop says stop", sdk.Accept},
		"too old for what was on":          {"1.0.0", muster.FallToAccept, sdk.On, "accept needs >=2.0.0", sdk.Accept},
		"too old for what was held":        {"1.0.0", muster.Hold, sdk.On, "hold needs >=2.0.0", sdk.Accept},
		"too old for what was off, held":   {"1.0.0", muster.Hold, sdk.Off, "", sdk.Off},
		"too old for what was off, others": {"1.0.0", muster.FallToAccept, sdk.Off, "accept needs >=2.0.0", sdk.Accept},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "snapshot")
			inWorld(t, func(w *world) {
				rev := w.policed(tc.stage, tc.policy)
				first := w.open("2.0.0", keeping(path))
				w.kept(path, rev)
				first.Close()
				p := w.cold(tc.version, keeping(path), func(c *sdk.Config) { c.ServeUnjoined = true })
				if got := p.Bool(string(tc.policy), false).Stage(w.Context()); got != tc.held {
					t.Errorf("it stands at %v, want %v", got, tc.held)
				}
				switch err := p.Ready(); {
				case tc.unready == "" && err != nil:
					t.Errorf("unready: %v", err)
				case tc.unready != "" && (err == nil || !strings.Contains(err.Error(), tc.unready)):
					t.Errorf("ready says %v, want %q", err, tc.unready)
				}
			})
		})
	}
}

// A registry that was rebuilt, or restored from a backup, begins with lower
// revisions: what is on disk does not lock an instance out.
func TestCase30SnapshotDoesNotLockOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	inWorld(t, func(w *world) {
		for epoch := range int64(5) {
			w.put(entry(sdk.Accept, epoch+1))
		}
		high := w.put(entry(sdk.On, 9))
		first := w.open("2.0.0", keeping(path))
		w.kept(path, high)
		first.Close()
		w.wipe()
		rev := w.put(entry(sdk.Accept, 1))
		if rev >= high {
			t.Fatalf("revision %d does not begin anew", rev)
		}
		p := w.open("2.0.0", keeping(path))
		if !p.at(sdk.Accept)() || p.Status().Revision != rev {
			t.Errorf("status %+v, want revision %d of the registry that is there", p.Status(), rev)
		}
		w.within(time.Second, "acked", w.acked(p, rev))
		w.kept(path, rev)

		// From there on no older one is applied, as ever.
		low := rev
		rev = w.put(entry(sdk.On, 2))
		w.within(time.Second, "on", p.at(sdk.On))
		p.cut()
		w.wipe()
		w.put(entry(sdk.Off, 1))
		p.heal()
		time.Sleep(time.Minute)
		if s := p.Status(); s.Revision != rev || s.Err == nil || s.Revision <= low {
			t.Errorf("status %+v, want that revision %d stays", s, rev)
		}
	})
}

// A registry that was rebuilt may come by chance to the very revision that an
// instance runs on. What the instance then says that it runs on is what lies
// there, and what is in flight from before is acked by nothing.
func TestCase30SameRevisionOfARebuiltRegistry(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Accept, 1))
		rev := w.put(entry(sdk.On, 2))
		p := w.open("2.0.0")
		pinned, release := p.Pin(w.Context())
		p.flag.Stage(pinned)
		p.cut()
		time.Sleep(time.Minute)
		w.wipe()
		for epoch := range int64(rev) {
			w.put(entry(sdk.Off, epoch+1))
		}
		if got := w.service().Sheet.Revision; got != rev {
			t.Fatalf("revision %d, want the same as before, %d", got, rev)
		}
		p.heal()
		w.within(time.Minute, "joined again", func() bool { return p.Status().State == sdk.Live })
		if d := p.flag.Explain(w.Context()); d.Stage != sdk.Off || d.Revision != rev {
			t.Errorf("%+v, want what the registry says", d)
		}
		if ack := w.member(p).Ack; ack.Revision >= 0 {
			t.Errorf("acked %+v with a request in flight that began under another registry", ack)
		}
		if got := p.flag.Stage(pinned); got != sdk.Accept {
			t.Errorf("that request sees %v, want the fence", got)
		}
		release()
		w.within(2*time.Second, "acked", w.acked(p, rev))
	})
}

// What was written: the latest of a storm, seldom, and whole at any time.
func TestSnapshotIsTheLatest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "snapshot")
	old, young := filepath.Join(dir, ".snapshot.1.new"), filepath.Join(dir, ".snapshot.2.new")
	for name, age := range map[string]time.Duration{old: 40 * 365 * 24 * time.Hour, young: 0} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if at := time.Now().Add(-age); os.Chtimes(name, at, at) != nil {
			t.Fatal("chtimes")
		}
	}
	inWorld(t, func(w *world) {
		rev := w.put(entry(sdk.Off, 1))
		p := w.open("2.0.0", keeping(path))
		w.kept(path, rev)
		began, seen := time.Now(), make(map[int32]bool)
		for i := range int64(200) {
			rev = w.put(entry([]muster.Stage{sdk.Off, sdk.Accept}[i%2], i+2))
			w.within(time.Second, "acked", w.acked(p, rev))
			s := readSnapshot(path)
			if s.Revision < 0 {
				t.Fatal("the file is not whole")
			}
			seen[s.Revision] = true
			time.Sleep(20 * time.Millisecond)
		}
		if most := int(time.Since(began)/time.Second) + 2; len(seen) < 2 || len(seen) > most {
			t.Errorf("it was written %d times in %v, want one time a second", len(seen), time.Since(began))
		}
		w.kept(path, rev)
		rev = w.put(entry(sdk.On, 1000))
		w.within(time.Second, "on", p.at(sdk.On))
		if err := p.Close(); err != nil || readSnapshot(path).Revision != rev {
			t.Errorf("closed (%v) with revision %d on disk, want %d", err, readSnapshot(path).Revision, rev)
		}
		entries, err := os.ReadDir(dir)
		names := slices.Collect(func(yield func(string) bool) {
			for _, e := range entries {
				yield(e.Name())
			}
		})
		if diff := cmp.Diff(names, []string{".snapshot.2.new", "snapshot"}); diff != "" {
			t.Error("what lies there:", diff, err)
		}
	})
}

// A logBook takes what is logged.
type logBook struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (b *logBook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, string(line))
	return len(line), nil
}

// told lists the lines that hold all of the texts.
func (b *logBook) told(texts ...string) (lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.lines {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			lines = append(lines, line)
		}
	}
	return lines
}

// A disk that takes nothing costs a warning and nothing else.
func TestSnapshotThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "snapshot")
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Off, 1))
		var book logBook
		p := w.open("2.0.0", keeping(path), func(c *sdk.Config) { c.Logger = book.logger() })
		for i := range int64(10) {
			rev := w.put(entry(sdk.Accept, i+2))
			w.within(time.Second, "acked", w.acked(p, rev))
			time.Sleep(2 * time.Second)
		}
		if got := book.told(path, "no such file or directory"); len(got) != 1 {
			t.Errorf("it said %q, want what is wrong, once", got)
		}
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		w.within(61*time.Second, "kept at last", func() bool { return readSnapshot(path).Revision > 0 })
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

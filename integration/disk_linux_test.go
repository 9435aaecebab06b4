package integration_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/ensemble"
)

// diskSize is that of each server's disk: ZooKeeper takes a megabyte for its log.
const diskSize = 8 << 20

// Disks are those of an ensemble: each server has a small one, that can be filled,
// and all are as slow as they are told to be.
type disks struct {
	*fleet
	zk      *ensemble.Ensemble
	folders []string
	slow    string // the file that says by how many milliseconds
}

func newDisks(t *testing.T) *disks {
	t.Helper()
	ensemble.Require(t)
	cc, err := exec.LookPath("gcc")
	missing(t, err, "a compiler, for a slow disk", "gcc")
	dir := t.TempDir()
	d := &disks{slow: filepath.Join(dir, "slow")}
	library := filepath.Join(dir, "slow_disk.so")
	if out, err := exec.CommandContext(t.Context(), cc, "-shared", "-fPIC", "-O2", "-o", library, "testdata/slow_disk.c").CombinedOutput(); err != nil {
		t.Fatalf("compile a slow disk: %v\n%s", err, out)
	}
	for i := range 3 {
		d.folders = append(d.folders, filepath.Join(dir, "disk-"+strconv.Itoa(i)))
		mount(t, d.folders[i])
	}
	d.sync(t, 0)
	d.zk = ensemble.Start(t, 3, ensemble.Data(d.folders...), ensemble.Set("forceSync", "yes"),
		ensemble.Env("LD_PRELOAD="+library, "SLOW_DISK="+d.slow))
	d.fleet = newFleet(t, backend{"disks", func(testing.TB) []string { return d.zk.Servers() }}, brisk())
	return d
}

// mount makes a small disk, until the test has ended.
func mount(t *testing.T, folder string) {
	t.Helper()
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
		const why = "no small disk to fill, which only root can mount: %v"
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI=true, and "+why, err)
		}
		t.Skipf("skipped: "+why, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmount %s: %v", folder, err)
		}
	})
}

// sync has each sync of a disk take longer by d.
func (d *disks) sync(t *testing.T, by time.Duration) {
	t.Helper()
	if err := os.WriteFile(d.slow, []byte(strconv.FormatInt(by.Milliseconds(), 10)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fill leaves no room on the disk of server i.
func (d *disks) fill(i int) {
	d.Helper()
	file, err := os.Create(d.ballast(i))
	if err != nil {
		d.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 4<<10); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.Fatalf("fill a disk: %v", err)
	}
}

func (d *disks) empty(i int) {
	d.Helper()
	if err := os.Remove(d.ballast(i)); err != nil {
		d.Fatal(err)
	}
}

func (d *disks) ballast(i int) string { return filepath.Join(d.folders[i], "ballast") }

// operate does what an operator does when there is room again: servers that ended
// or serve nobody are started anew.
func (d *disks) operate() (restarted int) {
	d.Helper()
	for i := range d.folders {
		if !d.zk.Serves(i) {
			d.zk.Restart(d, i)
			restarted++
		}
	}
	d.zk.Await(d)
	return restarted
}

// turn flips the feature and waits until every instance is there.
func (d *disks) turn(stage muster.Stage, instances []*instance) time.Duration {
	d.Helper()
	began := time.Now()
	if stage == muster.On {
		d.activate(feature, client.Wait())
	} else {
		d.deactivate(feature, client.Wait())
	}
	for _, i := range instances {
		i.awaitStage(feature, stage)
	}
	return time.Since(began)
}

// Case 27: the disks of the ensemble are slow, then one of them is full, then all.
// What is asked is late or fails with a clear error, agents say that they are not
// ready, nothing flips that should not, and all is well when there is room again.
func TestCase27DisksAreSlowAndFull(t *testing.T) {
	t.Parallel()
	d := newDisks(t)
	shop := spec(feature, "checkout", ">=2.0.0")
	d.apply(shop)
	instances := []*instance{d.join("checkout", "c1", "2.0.0"), d.join("checkout", "c2", "2.0.0")}

	const late = 300 * time.Millisecond
	t.Logf("quick disks: on after %v", d.turn(muster.On, instances))
	d.sync(t, late)
	took := d.turn(muster.Off, instances)
	if took < 4*late { // the command, two steps and the gate, one after the other
		t.Errorf("off after %v, though each write takes %v: the disks are not slow", took, late)
	}
	t.Logf("slow disks: off after %v", took)
	d.sync(t, 0)

	one := (d.zk.Leader() + 1) % 3
	d.fill(one)
	for range 2 {
		d.turn(muster.On, instances)
		d.turn(muster.Off, instances)
	}
	d.empty(one)
	t.Logf("one disk was full: %d servers restarted", d.operate())
	d.turn(muster.On, instances)

	for i := range d.folders {
		d.fill(i)
	}
	err := d.refused()
	t.Logf("all disks are full: %v", err)
	if !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("a command while all disks are full: got %v, want that it is unavailable", err)
	}
	for _, a := range d.agents {
		d.until(a.name+" says that it is not ready", func() bool { return !d.ask(a).Ready })
	}
	for _, i := range instances {
		d.until(i.id+" is fenced", func() bool { return i.stage(feature) == muster.Accept })
	}
	for i := range d.folders {
		d.empty(i)
	}
	t.Logf("all disks were full: %d servers restarted", d.operate())
	d.turn(muster.Off, instances)
	d.turn(muster.On, instances)
	d.judge(shop)
}

// refused gives commands, as the command line does, until one of them fails: there
// is room for a few more.
func (d *disks) refused() error {
	d.Helper()
	c, err := client.New(client.Config{Addrs: []string{d.agents[0].Addr(), d.agents[1].Addr()}})
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	for n := range 1000 {
		give := c.Deactivate
		if n%2 == 1 {
			give = c.Activate
		}
		if _, err := give(d.ctx, feature); err != nil {
			return err
		}
	}
	d.Fatal("a thousand commands were written to full disks")
	return nil
}

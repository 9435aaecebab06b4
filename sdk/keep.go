package sdk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	// calm is the least time between two writes of the snapshot: in a storm of
	// sheets the latest is kept.
	calm = time.Second
	// rewrite is after which time one that could not be written is tried again.
	rewrite = time.Minute
)

// restore has flags answer from the snapshot on disk, if there is a good one,
// until the instance has joined (G7). It is called before anything else runs.
func (c *Client) restore() {
	path := c.cfg.Snapshot
	if path == "" {
		return
	}
	s, err := c.loadSaved(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.cfg.Logger.Info("there is no snapshot yet", "file", path)
		return
	case err != nil:
		c.cfg.Logger.Warn("ignored the snapshot: flags answer their defaults until the instance has joined", "file", path, "error", reason(err))
		return
	}
	snap := s.snapshot(c.inst.Version)
	c.current.Store(snap)
	c.told = snap.era
	c.standing.restored = true
	c.cfg.Logger.Info("flags answer from the snapshot until the instance has joined", "file", path, "revision", s.Revision, "written", s.Written)
}

func (c *Client) loadSaved(path string) (saved, error) {
	data, err := readFile(path, maxSaved)
	if err != nil {
		return saved{}, err
	}
	s, err := decodeSaved(data)
	switch {
	case err != nil:
		return s, err
	case s.Service != c.inst.Service:
		return s, fmt.Errorf("it is of another service, %s: give each its own file", s.Service)
	case s.Root != c.cfg.Root:
		return s, fmt.Errorf("it is of another root, %.100q", s.Root)
	}
	return s, nil
}

// keep writes each sheet that came into force, or in a storm the latest, until
// life ends. It is the only one that waits for the disk.
func (c *Client) keep(life context.Context) {
	sweep(c.cfg.Snapshot)
	var kept *era
	var again <-chan time.Time
	for said := ""; ; {
		select {
		case <-c.fresh:
		case <-again:
		case <-life.Done():
		}
		now := c.current.Load()
		again = nil
		if now.known() && now.saved.IsZero() && now.era != kept {
			err := c.save(now)
			switch {
			case err == nil:
				kept, said = now.era, ""
			case reason(err) != said:
				said = reason(err)
				c.cfg.Logger.Warn("the snapshot could not be written: a start without ZooKeeper will find an older one, or none", "file", c.cfg.Snapshot, "error", said)
			}
			if err != nil {
				again = time.After(rewrite)
			}
		}
		if life.Err() != nil {
			return
		}
		sleep(life, calm)
	}
}

func (c *Client) save(snap *snapshot) error {
	data, err := saved{
		Service: c.inst.Service, Root: c.cfg.Root, Instance: c.inst.ID, Version: c.inst.Version,
		Written: time.Now().Round(0).UTC(), Revision: snap.revision, Features: snap.features,
	}.encode()
	if err != nil {
		return err
	}
	return replaceFile(c.cfg.Snapshot, data)
}

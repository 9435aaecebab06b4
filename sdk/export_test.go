package sdk

import "github.com/musterhq/muster/internal/clock"

// Reckon has the lease reckoned by a clock of the test's.
func Reckon(cfg *Config, c *clock.Clock) { cfg.clock = c }

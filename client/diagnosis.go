package client

import (
	"context"
	"sync"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// An Answer is what one agent told of itself, or why it did not.
type Answer struct {
	Addr string // as in Config.Addrs
	// Err says why there is no diagnosis: [ErrUnavailable] when the agent does not
	// answer.
	Err       error
	Diagnosis muster.Diagnosis
	// Asked and Answered are when, by the caller's clock.
	Asked, Answered time.Time
}

// Diagnoses asks each agent what it knows of itself and of what it stands on, all
// at the same time and each once. It returns within Config.Timeout, with an
// answer for each of Config.Addrs, in that order.
func (c *Client) Diagnoses(ctx context.Context) []Answer {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	answers := make([]Answer, len(c.agents))
	var wg sync.WaitGroup
	for i, conn := range c.agents {
		wg.Go(func() {
			a := Answer{Addr: c.cfg.Addrs[i], Asked: time.Now()}
			m, err := musterv1.NewAgentServiceClient(conn).GetDiagnosis(ctx, new(musterv1.GetDiagnosisRequest))
			a.Answered = time.Now()
			switch {
			case err == nil:
				if a.Diagnosis, err = wire.Diagnosis(m); err != nil {
					err = unreadable(a.Addr, err)
				}
			case passOver(context.WithoutCancel(ctx), err):
				err = unavailable(a.Addr, err)
			default:
				err = wire.Error(err)
			}
			a.Err = err
			answers[i] = a
		})
	}
	wg.Wait()
	return answers
}

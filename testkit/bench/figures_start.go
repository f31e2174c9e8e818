package main

import (
	"context"
	"time"
)

// startHTTP is the time from the start of the process to its first answer to
// tools/list, by a client that dials until somebody listens.
func startHTTP(ctx context.Context, b *bench) error { return b.starts(ctx, false) }

// startStdio is the same over stdio.
func startStdio(ctx context.Context, b *bench) error { return b.starts(ctx, true) }

// starts starts the gateway once a round, before many servers that do nothing
// for a while.
func (b *bench) starts(ctx context.Context, stdio bool) error {
	s := setup{servers: 50, delay: 2 * time.Second, stdio: stdio}
	if b.short {
		s.servers = 3
	}
	var times, against []float64
	for range b.rounds {
		took, err := b.firstList(ctx, s)
		if err != nil {
			return err
		}
		times = append(times, float64(took))
		if b.world.against == "" {
			continue
		}
		other := s
		other.against = true
		if took, err = b.firstList(ctx, other); err != nil {
			return err
		}
		against = append(against, float64(took))
	}
	b.report.started(s, times, against)
	return nil
}

// firstList is one start: initialize, then tools/list.
func (b *bench) firstList(ctx context.Context, s setup) (time.Duration, error) {
	t, err := b.startGateway(ctx, s)
	if err != nil {
		return 0, err
	}
	defer t.proc.stop()
	callers, err := t.connect(1)
	if err != nil {
		return 0, err
	}
	defer hangUp(callers)
	if err := callers[0].list(); err != nil {
		return 0, t.failed(err)
	}
	return time.Since(t.proc.began), nil
}

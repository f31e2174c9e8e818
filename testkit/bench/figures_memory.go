package main

import (
	"context"
	"fmt"
)

// memoryUnderLoad is the gateway's memory when 64 callers have called and are
// still connected.
func memoryUnderLoad(ctx context.Context, b *bench) error {
	return b.onGateway(ctx, setup{}, 64, func(t *target, callers []*caller) error {
		if _, err := t.run(callers, 2*b.calls, 0); err != nil {
			return err
		}
		m := t.memory()
		b.report.single("memory with 64 callers (peak)", m.String(), float64(m.now), atMost(30<<20), mebibytes)
		return nil
	})
}

// growth is whether large results leave something behind: memory after so many
// calls and after three times as many. A quarter more is no growth: between
// two collections of garbage it is as much by itself.
func growth(ctx context.Context, b *bench) error {
	calls := max(1, b.calls/4)
	return b.onGateway(ctx, setup{}, 16, func(t *target, callers []*caller) error {
		if _, err := t.run(callers, calls, largeSize); err != nil {
			return err
		}
		before := t.memory()
		if _, err := t.run(callers, 2*calls, largeSize); err != nil {
			return err
		}
		after := t.memory()
		name := fmt.Sprintf("64 KiB results, memory after %d and %d calls", calls, 3*calls)
		b.report.single(name, before.String()+", "+after.String(), float64(after.now)/float64(before.now), atMost(1.25), plain)
		return nil
	})
}

// idle is the gateway's memory before many servers, each of which was called
// once: then it runs for sure.
func idle(ctx context.Context, b *bench) error {
	servers := 200
	if b.short {
		servers = 4
	}
	return b.onGateway(ctx, setup{servers: servers}, 1, func(t *target, callers []*caller) error {
		for i := range servers {
			callers[0].shape = through(serverName(i))
			if err := callers[0].call(0); err != nil {
				return t.failed(err)
			}
		}
		m := t.memory()
		b.report.single(fmt.Sprintf("memory with %d idle stdio servers (peak)", servers), m.String(), float64(m.now), atMost(80<<20), mebibytes)
		return nil
	})
}

// onGateway does something with a gateway of its own and its callers.
func (b *bench) onGateway(ctx context.Context, s setup, callers int, do func(*target, []*caller) error) error {
	if !procfs {
		b.report.skip("memory cannot be read on this system")
		return nil
	}
	t, err := b.startGateway(ctx, s)
	if err != nil {
		return err
	}
	defer t.proc.stop()
	list, err := t.connect(callers)
	if err != nil {
		return err
	}
	defer hangUp(list)
	return do(t, list)
}

// memory is a process's resident memory in bytes.
type memory struct{ now, peak int64 }

func (m memory) String() string {
	return fmt.Sprintf("%s (%s)", mebibytes(float64(m.now)), mebibytes(float64(m.peak)))
}

func mebibytes(v float64) string { return fmt.Sprintf("%.1f MiB", v/(1<<20)) }

func plain(v float64) string { return fmt.Sprintf("%.2f", v) }

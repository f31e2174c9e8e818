package main

import (
	"context"
	"fmt"
)

// memoryUnderLoad is the gateway's memory when 64 callers have called and are
// still connected.
func memoryUnderLoad(ctx context.Context, b *bench) error {
	f := single{name: "memory with 64 callers (peak)", goal: atMost(30 << 20), text: mebibytes}
	return b.onGateway(ctx, f, setup{}, 64, func(t *target, callers []*caller) (string, float64, error) {
		_, err := t.run(callers, 2*b.calls, 0)
		m := t.memory()
		return m.String(), float64(m.now), err
	})
}

// growth is whether large results leave something behind: memory after so many
// calls and after three times as many. A quarter more is no growth: between
// two collections of garbage it is as much by itself.
func growth(ctx context.Context, b *bench) error {
	calls := max(1, b.calls/4)
	f := single{name: fmt.Sprintf("64 KiB results, memory after %d and %d calls", calls, 3*calls), goal: atMost(1.25), text: plain}
	return b.onGateway(ctx, f, setup{}, 16, func(t *target, callers []*caller) (string, float64, error) {
		if _, err := t.run(callers, calls, largeSize); err != nil {
			return "", 0, err
		}
		before := t.memory()
		_, err := t.run(callers, 2*calls, largeSize)
		after := t.memory()
		return before.String() + ", " + after.String(), float64(after.now) / float64(before.now), err
	})
}

// idle is the gateway's memory before many servers, each of which was called
// once: then it runs for sure.
func idle(ctx context.Context, b *bench) error {
	servers := 200
	if b.short {
		servers = 4
	}
	f := single{name: fmt.Sprintf("memory with %d idle stdio servers (peak)", servers), goal: atMost(80 << 20), text: mebibytes}
	return b.onGateway(ctx, f, setup{servers: servers}, 1, func(t *target, callers []*caller) (string, float64, error) {
		for i := range servers {
			callers[0].shape = through(serverName(i))
			if err := callers[0].call(0); err != nil {
				return "", 0, t.failed(err)
			}
		}
		m := t.memory()
		return m.String(), float64(m.now), nil
	})
}

// single is a figure of the gateway alone.
type single struct {
	name string
	goal goal
	text func(float64) string
}

// onGateway measures something of a gateway of its own with its callers, and of
// the other gateway if there is one. do returns what to show, and the value.
func (b *bench) onGateway(ctx context.Context, f single, s setup, callers int, do func(*target, []*caller) (string, float64, error)) error {
	if !procfs {
		b.report.skip("memory cannot be read on this system")
		return nil
	}
	shown, value, err := b.once(ctx, s, callers, do)
	if err != nil {
		return err
	}
	b.report.single(f.name, shown, value, f.goal, f.text)
	if b.world.against == "" {
		return nil
	}
	s.against = true
	_, other, err := b.once(ctx, s, callers, do)
	if err != nil {
		return err
	}
	b.report.versus(f.name, []float64{other}, []float64{value}, f.text)
	return nil
}

func (b *bench) once(ctx context.Context, s setup, callers int, do func(*target, []*caller) (string, float64, error)) (string, float64, error) {
	t, err := b.startGateway(ctx, s)
	if err != nil {
		return "", 0, err
	}
	defer t.proc.stop()
	list, err := t.connect(callers)
	if err != nil {
		return "", 0, err
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

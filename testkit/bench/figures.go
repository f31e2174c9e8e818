package main

import (
	"context"
	"fmt"
	"time"
)

// largeSize is the size of a large result.
const largeSize = 64 << 10

// throughput compares calls per second with so many callers, and the CPU time
// of the gateway with the relay's.
func throughput(callers int) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		name := fmt.Sprintf("throughput, %d callers", callers)
		rounds, err := b.compare(ctx, load{name: name, callers: callers, calls: b.calls})
		if err != nil {
			return err
		}
		b.report.compared(name, rounds, rate, atLeast(0.55))
		if procfs {
			b.report.compared(name+", by CPU time of all", rounds, work, atLeast(0.55))
			b.report.cpu(fmt.Sprintf("CPU time of the gateway a call, %d callers", callers), rounds)
		}
		return nil
	}
}

// sequential compares the median latency of one caller.
func sequential(ctx context.Context, b *bench) error {
	rounds, err := b.compare(ctx, load{name: "sequential", callers: 1, calls: max(1, b.calls/4)})
	if err != nil {
		return err
	}
	b.report.compared("p50 sequential", rounds, p50, atMost(1.8))
	return nil
}

// large does the same with large results, by one caller and by many.
func large(ctx context.Context, b *bench) error {
	calls := max(1, b.calls/10)
	rounds, err := b.compare(ctx, load{name: "64 KiB, sequential", callers: 1, calls: calls, size: largeSize})
	if err != nil {
		return err
	}
	b.report.compared("64 KiB results, p50 sequential", rounds, p50, atMost(1.6))
	rounds, err = b.compare(ctx, load{name: "64 KiB, 16 callers", callers: 16, calls: calls, size: largeSize})
	if err != nil {
		return err
	}
	b.report.compared("64 KiB results, time a call, 16 callers", rounds, pace, atMost(1.6))
	return nil
}

// stdio compares the median latency over pipes.
func stdio(ctx context.Context, b *bench) error {
	rounds, err := b.compare(ctx, load{name: "stdio, sequential", callers: 1, calls: max(1, b.calls/4), stdio: true})
	if err != nil {
		return err
	}
	b.report.compared("stdio front and server, p50 sequential", rounds, p50, atMost(2.3))
	return nil
}

// metric is what is compared of a sample.
type metric struct {
	value func(sample) float64
	text  func(float64) string
}

var (
	rate = metric{sample.rate, func(v float64) string { return fmt.Sprintf("%.0f/s", v) }}
	p50  = metric{func(s sample) float64 { return float64(s.percentile(50)) }, microseconds}
	work = metric{func(s sample) float64 { return 1 / s.each(s.used.all()).Seconds() }, perCPU}
	pace = metric{func(s sample) float64 { return float64(s.each(s.elapsed)) }, microseconds}
)

func perCPU(v float64) string { return fmt.Sprintf("%.0f/CPU s", v) }

func microseconds(v float64) string { return fmt.Sprintf("%.0f µs", v/float64(time.Microsecond)) }

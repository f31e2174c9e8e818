package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sample is what one load of one target gave.
type sample struct {
	calls     int
	elapsed   time.Duration
	latencies []time.Duration // sorted
	used      cost
}

// cost is the CPU time that a load took, by who used it.
type cost struct{ target, servers, client time.Duration }

// plus is two loads as if they had been one.
func (s sample) plus(o sample) sample {
	return sample{
		calls: s.calls + o.calls, elapsed: s.elapsed + o.elapsed, used: s.used.plus(o.used),
		latencies: slices.Sorted(slices.Values(slices.Concat(s.latencies, o.latencies))),
	}
}

// rate is calls per second.
func (s sample) rate() float64 { return float64(s.calls) / s.elapsed.Seconds() }

// percentile is the latency that so many per cent of the calls did not exceed.
func (s sample) percentile(p int) time.Duration {
	return s.latencies[min(len(s.latencies)-1, len(s.latencies)*p/100)]
}

// each is a part of the CPU time, per call.
func (s sample) each(d time.Duration) time.Duration { return d / time.Duration(s.calls) }

// patience is how long one load may take. It is generous: it is no measure.
const patience = 5 * time.Minute

// connect opens so many sessions with a target; over stdio it can be but one.
func (t *target) connect(callers int) ([]*caller, error) {
	list := make([]*caller, callers)
	for i := range list {
		w, err := t.wire()
		if err != nil {
			return nil, err
		}
		w.deadline(time.Now().Add(patience))
		list[i] = &caller{wire: w, shape: t.shape, name: fmt.Sprintf("caller-%d", i)}
		if err := list[i].hello(); err != nil {
			return nil, t.failed(err)
		}
	}
	return list, nil
}

// wire returns a connection with the target, as soon as there can be one.
func (t *target) wire() (wire, error) {
	if t.addr == "" {
		return newStdioWire(t.proc), nil
	}
	return t.await()
}

func hangUp(callers []*caller) {
	for _, c := range callers {
		c.wire.close()
	}
}

// run sends so many calls, each caller one at a time, and measures them.
func (t *target) run(callers []*caller, calls, size int) (sample, error) {
	tickets := atomic.Int64{}
	tickets.Store(int64(calls))
	took := make([][]time.Duration, len(callers))
	errs := make([]error, len(callers))
	var all sync.WaitGroup
	for i, c := range callers {
		c.wire.deadline(time.Now().Add(patience))
		took[i] = make([]time.Duration, 0, 2*calls/len(callers)+1)
	}
	before, start := t.usage(), time.Now()
	for i, c := range callers {
		all.Go(func() { took[i], errs[i] = c.loop(&tickets, size, took[i]) })
	}
	all.Wait()
	s := sample{calls: calls, elapsed: time.Since(start), latencies: slices.Concat(took...)}
	s.used = t.usage().minus(before)
	slices.Sort(s.latencies)
	if err := errors.Join(errs...); err != nil {
		return s, t.failed(err)
	}
	return s, nil
}

// loop calls until there are no more tickets.
func (c *caller) loop(tickets *atomic.Int64, size int, took []time.Duration) ([]time.Duration, error) {
	for tickets.Add(-1) >= 0 {
		start := time.Now()
		if err := c.call(size); err != nil {
			tickets.Store(0) // The others need not go on.
			return took, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// all is the CPU time of everybody. Under full load it is what the throughput
// comes from, and other programs on the same cores hardly change it.
func (c cost) all() time.Duration { return c.target + c.servers + c.client }

func (c cost) plus(d cost) cost {
	return cost{target: c.target + d.target, servers: c.servers + d.servers, client: c.client + d.client}
}

func (c cost) minus(d cost) cost {
	return cost{target: c.target - d.target, servers: c.servers - d.servers, client: c.client - d.client}
}

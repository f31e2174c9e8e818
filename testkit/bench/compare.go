package main

import (
	"context"
	"errors"
)

// round is one load on each target, in turn.
// against has no calls unless there is another gateway to compare with.
type round struct{ direct, relay, gateway, against sample }

// load is what all targets get.
type load struct {
	name    string
	callers int
	calls   int
	size    int
	stdio   bool // the front
}

// parts is in how many parts each round sends its calls, the targets taking
// turns. Short turns see to it that whatever else the machine does meets all
// targets alike; longer ones, that no caller is idle for most of its turn.
func (l load) parts() int { return max(1, l.calls/max(100, 25*l.callers)) }

// compare starts the targets, warms them up and measures them in turn.
func (b *bench) compare(ctx context.Context, l load) ([]round, error) {
	targets, err := b.targets(ctx, l.stdio)
	for _, t := range targets {
		defer t.proc.stop()
	}
	if err != nil {
		return nil, err
	}
	callers := map[*target][]*caller{}
	for _, t := range targets {
		if callers[t], err = t.connect(l.callers); err != nil {
			return nil, err
		}
		defer hangUp(callers[t])
		if _, err := t.run(callers[t], max(1, l.calls/4), l.size); err != nil {
			return nil, err
		}
		t.know()
	}
	rounds := make([]round, b.rounds)
	parts := l.parts()
	for i := range rounds {
		for part := range parts * len(targets) {
			t := targets[turn(i, part, len(targets))]
			s, err := t.run(callers[t], max(1, l.calls/parts), l.size)
			if err != nil {
				return nil, err
			}
			rounds[i].add(t.name, s)
		}
	}
	b.report.detail(l, rounds)
	return rounds, nil
}

// turn is which of n targets comes next. In every other round they come in
// reverse order, so that none always follows the same one.
func turn(round, part, n int) int {
	if round%2 == 1 {
		return n - 1 - part%n
	}
	return part % n
}

// targets starts what is compared. It gives what it started also with an error.
func (b *bench) targets(ctx context.Context, stdio bool) ([]*target, error) {
	if stdio {
		direct, e1 := b.startStdio(ctx, "direct", "echo", "stdio")
		relay, e2 := b.startStdio(ctx, "relay", "relay", "stdio")
		gateways, e3 := b.startGateways(ctx, setup{stdio: true})
		return append(present(direct, relay), gateways...), errors.Join(e1, e2, e3)
	}
	direct, e1 := b.startEcho(ctx)
	relay, e2 := b.startRelay(ctx)
	gateways, e3 := b.startGateways(ctx, setup{})
	return append(present(direct, relay), gateways...), errors.Join(e1, e2, e3)
}

// startGateways starts the gateway and, if there is one, the other.
func (b *bench) startGateways(ctx context.Context, s setup) ([]*target, error) {
	gateway, err := b.startGateway(ctx, s)
	if b.world.against == "" {
		return present(gateway), err
	}
	s.against = true
	against, e2 := b.startGateway(ctx, s)
	return present(gateway, against), errors.Join(err, e2)
}

func present(targets ...*target) []*target {
	var list []*target
	for _, t := range targets {
		if t != nil {
			list = append(list, t)
		}
	}
	return list
}

func (r *round) add(name string, s sample) {
	switch name {
	case "direct":
		r.direct = r.direct.plus(s)
	case "relay":
		r.relay = r.relay.plus(s)
	case "against":
		r.against = r.against.plus(s)
	default:
		r.gateway = r.gateway.plus(s)
	}
}

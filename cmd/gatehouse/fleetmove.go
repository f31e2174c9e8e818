package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/messages"
)

// Move implements admin.Gateway. Any gateway of the fleet can be asked: it asks those
// that run the server, and watches what becomes of it.
func (o *operator) Move(ctx context.Context, server, node string) (admin.Moved, error) {
	moved, err := o.app.move(ctx, server, node)
	o.app.auditAction(ctx, admin.MoveServer, server, "", err)
	return moved, err
}

var errNoFleet = errors.New("this gateway is not one of a fleet: it was started without --fleet")

// moveSlack is how much longer than its drain and startup timeouts a server is waited
// for that moves.
const moveSlack = 10 * time.Second

func (a *app) move(ctx context.Context, server, node string) (admin.Moved, error) {
	if a.fleet == nil {
		return admin.Moved{}, conflict(errNoFleet)
	}
	snap := a.store.Load()
	r, ok := snap.Route(server)
	if !ok {
		return admin.Moved{}, &admin.Error{Status: http.StatusNotFound, Message: noServer(server, snap.Names())}
	}
	if !r.Entry.RunsOnce() {
		return admin.Moved{}, conflict(fmt.Errorf("%q is not a server that runs once: each gateway has its own process or connection of it", server))
	}
	leaves, err := planMove(a.fleet.standing.View(), server, node)
	if err != nil {
		return admin.Moved{}, conflict(err)
	}
	for _, l := range leaves {
		if err := a.askToMove(ctx, l, server); err != nil {
			return admin.Moved{}, conflict(fmt.Errorf("%s does not move it: %w", l.owner.Node, err))
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.Entry.Settings.DrainTimeout+r.Entry.Settings.StartupTimeout+moveSlack,
		&admin.Error{Status: http.StatusGatewayTimeout, Message: fmt.Sprintf("%q is still moving: look at \"gatehouse fleet\"", server)})
	defer cancel()
	return a.awaitMove(ctx, server, leaves)
}

func conflict(err error) error {
	return &admin.Error{Status: http.StatusConflict, Message: err.Error()}
}

// leaving is what leaves one gateway, and for which.
type leaving struct {
	owner fleet.Owner
	to    string
	keys  map[string]int64 // with the epochs by which it is owned
}

// planMove says which gateways are to leave a server, and its instances, to which. The
// error, for people, says why none is.
func planMove(v fleet.View, server, node string) ([]leaving, error) {
	if node != "" {
		if err := canTake(v, server, node); err != nil {
			return nil, err
		}
	}
	plan := map[string]leaving{}
	there := false
	for key, owner := range v.Owners {
		if name, _ := fleet.SplitKey(key); name != server {
			continue
		}
		if owner.Node == node {
			there = true
			continue
		}
		l, known := plan[owner.Node]
		if !known {
			l = leaving{owner: owner, to: node, keys: map[string]int64{}}
			if node == "" {
				l.to = nextInLine(v, key, owner.Node)
			}
			if l.to == "" {
				return nil, fmt.Errorf("%s runs %q, and no other gateway of the fleet can", owner.Node, server)
			}
			plan[owner.Node] = l
		}
		l.keys[key] = owner.Epoch
	}
	switch {
	case len(plan) == 0 && there:
		return nil, fmt.Errorf("%q is at %s already", server, node)
	case len(plan) == 0:
		return nil, fmt.Errorf("no gateway runs %q at the moment: there is nothing to move", server)
	}
	var leaves []leaving
	for _, id := range slices.Sorted(maps.Keys(plan)) {
		leaves = append(leaves, plan[id])
	}
	return leaves, nil
}

// canTake returns nil if a gateway of the fleet can be given a server.
func canTake(v fleet.View, server, node string) error {
	switch n, lives := v.Nodes[node]; {
	case !lives:
		return fmt.Errorf("the fleet has no gateway %q: there are %s", node, strings.Join(slices.Sorted(maps.Keys(v.Nodes)), ", "))
	case n.Leaving:
		return fmt.Errorf("%s leaves the fleet", node)
	case n.Behind:
		return fmt.Errorf("%s cannot follow what the fleet has agreed on: its log says why", node)
	case !n.Can(fleet.KeyOf(server, "")):
		return fmt.Errorf("%s cannot start %q: \"%s\" there says why", node, server, statusCommand(server))
	}
	return nil
}

// nextInLine is the gateway that comes first for a key beside the one that has it; empty
// if there is none.
func nextInLine(v fleet.View, key, owner string) string {
	others := maps.Clone(v.Nodes)
	delete(others, owner)
	for id := range others {
		if rank, may := fleet.Rank(key, id, others); may && rank == 0 {
			return id
		}
	}
	return ""
}

// askToMove asks an owner, which may be this gateway, to leave a server to another.
func (a *app) askToMove(ctx context.Context, l leaving, server string) error {
	m := peer.Move{Server: server, Node: l.to}
	if l.owner.Node == a.fleet.node.ID {
		return a.moveAway(m)
	}
	return a.fleet.client.Move(ctx, l.owner.Address, m)
}

// moveAway begins to leave a server that runs here to another gateway. The error says
// why it does not.
func (a *app) moveAway(m peer.Move) error {
	f := a.fleet
	snap := a.store.Load()
	if snap == nil {
		return errors.New("it has no configuration yet")
	}
	r, ok := snap.Route(m.Server)
	switch {
	case !ok:
		return errors.New(noServer(m.Server, snap.Names()))
	case m.Node == f.node.ID:
		return fmt.Errorf("%q is at %s already", m.Server, m.Node)
	case !f.owns(m.Server):
		return fmt.Errorf("%q does not run here", m.Server)
	}
	if err := canTake(f.standing.View(), m.Server, m.Node); err != nil {
		return err
	}
	f.log.Info("a server moves", slog.String("server", m.Server), slog.String("node", m.Node))
	f.send(f.pid, messages.MoveServer{Server: m.Server, Node: m.Node, Drain: r.Entry.Settings.DrainTimeout})
	return nil
}

// owns reports whether this gateway owns a server or an instance of it.
func (f *fleetSide) owns(server string) bool {
	for key := range f.standing.Owns() {
		if name, _ := fleet.SplitKey(key); name == server {
			return true
		}
	}
	return false
}

// awaitMove blocks until all that leaves runs elsewhere, or will not by itself.
func (a *app) awaitMove(ctx context.Context, server string, leaves []leaving) (admin.Moved, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if moved, done := movedBy(a.fleet.standing.View(), server, leaves, a.startsWhenCalled); done {
			return moved, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return admin.Moved{}, context.Cause(ctx)
		}
	}
}

// movedBy says where what has left runs by now, and whether it will be there for good.
// idle reports whether what nobody owns waits for its next call, or is gone.
func movedBy(v fleet.View, server string, leaves []leaving, idle func(server, key string) bool) (admin.Moved, bool) {
	m := admin.Moved{Server: server, From: []string{}, Nodes: []string{}, State: string(endpoint.Idle)}
	for _, l := range leaves {
		m.From = append(m.From, l.owner.Node)
		for key, epoch := range l.keys {
			owner, owned := v.Owners[key]
			record := v.Records[key]
			switch {
			case !owned && idle(server, key):
				continue
			case !owned || owner.Epoch == epoch || record.Epoch != owner.Epoch || underWay(record.State):
				return m, false
			}
			if !slices.Contains(m.Nodes, owner.Node) {
				m.Nodes = append(m.Nodes, owner.Node)
			}
			if s := (admin.ServerStatus{State: string(record.State)}); s.Urgency() < (admin.ServerStatus{State: m.State}).Urgency() {
				m.State, m.Reason = s.State, record.Reason
			}
		}
	}
	slices.Sort(m.Nodes)
	return m, true
}

// startsWhenCalled reports whether what nobody owns waits for its next call, or is gone.
func (a *app) startsWhenCalled(server, key string) bool {
	if _, agent := fleet.SplitKey(key); agent != "" {
		return true
	}
	r, ok := a.store.Load().Route(server)
	return !ok || r.Cell.Status().State == endpoint.Idle
}

package main

import (
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// wakeForPeer has a server claimed that a call waits for at a gateway which cannot start it.
// The error says why it is not.
func (a *app) wakeForPeer(key string) error {
	server, agent := fleet.SplitKey(key)
	snap := a.store.Load()
	if snap == nil {
		return errors.New("it has no configuration yet")
	}
	r, ok := snap.Route(server)
	switch {
	case !ok:
		return errors.New(noServer(server, snap.Names()))
	case !r.Entry.RunsOnce() || (agent != "") != (r.Cell.Instances() != nil):
		return fmt.Errorf("%q is another kind of server here", server)
	case r.Cell.Identity().Unusable != "" || r.Cell.Identity().Barred != "":
		return fmt.Errorf("%q cannot be started here either", server)
	case !a.fleet.standing.MayClaim():
		return errors.New("it may not claim anything: it leaves, cannot follow the configuration, or has no lease")
	case agent != "" && !a.fleet.standing.Room(key):
		return errors.New("it owns as many instances for agents as it may")
	}
	cell := r.Cell
	if agent == "." || agent == ".." { // It may become part of a path.
		return fmt.Errorf("an agent called %q could reach the files of others", agent)
	}
	if agent != "" {
		first := endpoint.Status{State: endpoint.Idle, Since: time.Now()}
		var err error
		if cell, _, err = r.Cell.Instances().Obtain(endpoint.Whose{Agent: agent}, agent, nil, r.Entry.Settings.MaxInstances, first); err != nil {
			return err
		}
	}
	a.sys.Root.Send(a.supervisorPID, messages.WakeServer{Name: r.Entry.Name, Cell: cell})
	return nil
}

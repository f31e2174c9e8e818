package front

import (
	"context"
	"errors"
	"slices"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
)

// Attempt is what one round of a call has read: who calls and where it goes,
// all by one snapshot.
type Attempt struct {
	Snapshot *snapshot.Snapshot
	Agent    string
	Route    *snapshot.Route // nil until the server is found
	// Catalog is what the server lists, if Router.Lists was asked.
	Catalog *endpoint.Catalog
	// Server is what the server's session says of itself, once it has been
	// sent the request, or Router.Introduce was asked.
	Server endpoint.ServerInfo
	// Run is the run that has been sent the request.
	Run endpoint.Run

	call   *Call
	inside place         // where the call is counted in
	turn   chan struct{} // whose turn it is among suspects, if it is the call\'s
}

// Target is what the call is about.
func (a *Attempt) Target() Target { return a.call.Target }

// errAgain ends an attempt in which nothing was written and that is worth
// another one.
var errAgain = errors.New("decide anew")

// step is one step of an attempt. After a nil error the next step follows,
// after errAgain the next attempt. Any other error is a *Failure and ends the
// call.
type step func(*Attempt, context.Context) error

// The steps of a request to a server, of a look at what it lists, of what is
// about a server and does not need it, of what concerns no server, of what is
// answered from memory and counts as a request, about one server or all, and of what
// a ready server is asked for on behalf of several.
var (
	forwarding = []step{
		(*Attempt).identify, (*Attempt).permit, (*Attempt).route, (*Attempt).unblocked, (*Attempt).limited,
		entering(Waiting), (*Attempt).owned, (*Attempt).ready, (*Attempt).listed, (*Attempt).begun, (*Attempt).inTurn, (*Attempt).admitted,
		entering(Sending), (*Attempt).sent,
	}
	identifying = []step{(*Attempt).identify}
	routing     = []step{(*Attempt).identify, (*Attempt).permit, (*Attempt).route}
	answering   = []step{(*Attempt).identify, (*Attempt).limited, (*Attempt).answered}
	answeringOf = []step{(*Attempt).identify, (*Attempt).permit, (*Attempt).route, (*Attempt).limited, (*Attempt).answered}
	reaching    = []step{
		(*Attempt).identify, (*Attempt).permit, (*Attempt).route, (*Attempt).owned, (*Attempt).unblocked, (*Attempt).limited,
		(*Attempt).ready, (*Attempt).introduced, (*Attempt).answered,
	}
	introducing = []step{(*Attempt).identify, (*Attempt).permit, (*Attempt).route, (*Attempt).owned, (*Attempt).introduced}
	listing     = []step{(*Attempt).identify, (*Attempt).permit, (*Attempt).route, (*Attempt).ownedUnlessListed, (*Attempt).known}
)

// take makes attempts until one of them has an end. The attempt is good until
// the call is finished.
func (c *Call) take(ctx context.Context, steps []step) (*Attempt, error) {
	defer c.granted.leave()
	defer c.ticket.Leave()
	c.enter(Deciding)
	for {
		err := c.tryOnce(ctx, steps)
		if err == nil {
			return &c.attempt, nil
		}
		if !errors.Is(err, errAgain) {
			return nil, c.attempt.about(err)
		}
	}
}

func (c *Call) tryOnce(ctx context.Context, steps []step) error {
	a := &c.attempt
	*a = Attempt{Snapshot: c.router.cfg.Store.Load(), call: c}
	defer a.passOn()
	defer a.leave()
	for _, step := range steps {
		if err := step(a, ctx); err != nil {
			return err
		}
	}
	return nil
}

// about names the server, once it is found, and the target in a failure.
func (a *Attempt) about(err error) error {
	if fail, ok := errors.AsType[*Failure](err); ok && a.Route != nil {
		fail.Server, fail.kind, fail.name = a.Route.Entry.Name, a.call.Target.Kind, Shown(a.call.Target.Name)
	}
	return err
}

// permittedServers names the servers that the agent may use, sorted.
func (a *Attempt) permittedServers() []string {
	return slices.Collect(a.Servers())
}

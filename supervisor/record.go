package supervisor

import (
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// lookEvery is how often the supervisor looks whether a server has calls, and
// busyFor is for how long it is busy after one: what is said of it is written to
// the fleet's store, which should not be with each call.
const (
	lookEvery = 250 * time.Millisecond
	busyFor   = 2 * time.Second
)

// reportDue: something about a server that runs by a claim has changed.
type reportDue struct {
	child *child
	epoch int64
	busy  bool
}

// report has the fleet told of each change of a server that this gateway owns, from
// now on.
func (s *supervisor) report(c actor.Context, k *child) {
	if k.place.stop != nil {
		return
	}
	stop := make(chan struct{})
	k.place.stop = stop
	root, self, cell, epoch := c.ActorSystem().Root, c.Self(), k.plan().Cell, k.place.claim.Epoch
	go watch(cell, stop, func(busy bool) { root.Send(self, reportDue{k, epoch, busy}) }) // Ends with the ownership.
}

// watch calls changed at once and with each change of a cell, until stop is closed.
func watch(cell *endpoint.Cell, stop <-chan struct{}, changed func(busy bool)) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	admitted, busy := cell.Admitted(), false
	var last time.Time
	for {
		st, catalog := cell.Status(), cell.Catalog()
		changed(busy)
		for again := false; !again; {
			select {
			case <-st.Replaced():
				again = true
			case <-catalog.Replaced():
				again = true
			case <-look.C:
				now, n := time.Now(), cell.Admitted()
				if n != admitted || cell.InFlight() > 0 {
					admitted, last = n, now
				}
				is := now.Sub(last) < busyFor
				again, busy = is != busy, is
			case <-stop:
				return
			}
		}
	}
}

// reportDue tells the fleet what is known of a server that this gateway owns.
func (s *supervisor) reportDue(c actor.Context, m reportDue) {
	k := m.child
	waits := k.place.claim != nil && k.place.claim.Epoch == m.epoch
	runs := k.place.is == here && k.place.epoch == m.epoch
	if k.place.stop == nil || !waits && !runs {
		return
	}
	s.tellFleet(c, messages.ServerState{Key: k.place.key, Epoch: m.epoch, Record: k.record(m.busy)})
}

// record is what the next owner of a server goes on with.
func (k *child) record(busy bool) fleet.Record {
	cell := k.plan().Cell
	st, catalog := cell.Status(), cell.Catalog()
	r := fleet.Record{
		State: st.State, Since: st.Since, Run: st.Run, PID: st.PID, Restarts: st.Restarts, Opened: st.Opened,
		Reason: st.Reason, RetryAt: st.RetryAt, Busy: busy || st.State == endpoint.Starting,
		History: k.history.Encode(), Suspects: cell.Suspects(),
	}
	if catalog.Known {
		r.Catalog = strconv.FormatInt(catalog.At.UnixNano(), 36)
	}
	return r
}

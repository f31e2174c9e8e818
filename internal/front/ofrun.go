package front

import (
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
)

// inItsRun refuses a call that concerns a run of the server which is over.
func (a *Attempt) inItsRun(st *endpoint.Status) error {
	of := a.call.Of
	if of == nil || of.Is(a.Route.Cell, st) {
		return nil
	}
	return RunOver(a.Route, *of)
}

// RunOver says of a call that it ended with a run of its server.
func RunOver(r *snapshot.Route, run endpoint.Run) *Failure {
	if run.Cell != nil {
		select {
		case <-run.Cell.ClosedC():
			return stopped(r)
		default:
		}
	}
	return &Failure{
		Code: CodeServerCrashed, MayHaveRun: true,
		Message: fmt.Sprintf("%q ended while running this; it may have taken effect. Check before repeating.", r.Entry.Name),
	}
}

package endpoint

// Run names one incarnation of a server. The zero Run is over.
type Run struct {
	Cell *Cell
	Nr   uint64
}

// Session is the session of the run as long as it lasts and its cell takes calls;
// nil afterwards. It does not block.
func (r Run) Session() Session {
	if r.Cell == nil {
		return nil
	}
	st := r.Cell.Status()
	if !r.Is(r.Cell, st) {
		return nil
	}
	select {
	case <-r.Cell.ClosedC():
		return nil
	case <-st.Session.Done():
		return nil
	default:
		return st.Session
	}
}

// Is reports whether a cell is in this run by a status of it.
func (r Run) Is(cell *Cell, st *Status) bool {
	return r.Cell == cell && st.Run == r.Nr && st.Session != nil
}

// Promise counts results that the server has promised and still owes: n more, or
// fewer.
func (c *Cell) Promise(n int64) { c.promised.Add(n) }

// Working reports whether the server has calls in flight, or owes results. It does not
// block.
func (c *Cell) Working() bool { return c.InFlight() > 0 || c.promised.Load() > 0 }

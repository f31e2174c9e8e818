package endpoint

// Successor makes an open cell for the same server with a fresh start: it has
// the given identity and first status, and takes over what outlives a
// process, namely who hears what the server says unasked, the catalog and the numbering of runs and restarts. The old
// cell goes on as it is; whoever asks for a successor closes it.
//
// What the old cell publishes later does not reach its successor.
func (c *Cell) Successor(identity Identity, first Status) *Cell {
	old := c.Status()
	first.Restarts = old.Restarts
	next := NewCell(c.name, identity, first).Instead(c)
	catalog := *c.Catalog()
	catalog.replaced = make(chan struct{})
	next.catalog.Store(&catalog)
	for l := range c.others {
		other := *c.others[l].Load()
		other.replaced = make(chan struct{})
		next.others[l].Store(&other)
	}
	return next
}

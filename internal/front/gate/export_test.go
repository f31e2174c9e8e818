package gate

// Views is how many agents' views are kept ready for searches.
func (g *Gate) Views() int {
	g.finder.mu.Lock()
	defer g.finder.mu.Unlock()
	return len(g.finder.views)
}

package gate

// Views is how many agents' views are kept ready for searches.
func (g *Gate) Views() int {
	g.finder.mu.Lock()
	defer g.finder.mu.Unlock()
	return len(g.finder.views)
}

// TakesArguments reports whether a tool of the gateway takes these arguments, and
// which it knows.
func TakesArguments(tool string, raw []byte) (takes bool, known []string) {
	_, err := parseArguments(tool, raw)
	return err == nil, argumentNames()[tool]
}

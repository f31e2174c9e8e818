package jsonrpc

// Unsearched is how much of what has been read was not yet searched for the end of a
// line.
func (r *Reader) Unsearched() int { return r.end - r.start - r.seen }

//go:build !unix

package descriptors

// Scarce reports whether something failed only because descriptors or memory
// are short. There is no such limit here.
func Scarce(error) bool { return false }

// Limit is how many descriptors the process may have: here there is no limit
// that matters.
func Limit() int { return 1_000_000 }

//go:build !unix

package safefile

import "os"

// openNonblocking opens path for reading. Windows has no FIFOs in its file
// system, and Read refuses what is not a regular file before it reads.
func openNonblocking(path string) (*os.File, error) {
	return os.Open(path)
}

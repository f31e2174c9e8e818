package main

import (
	"bytes"
	"os"
)

// flood writes n lines of that many bytes to stderr; of kind junk to stdout,
// and of kind endless to stdout as one line that has no end.
func flood(c *call) []byte {
	line := append(bytes.Repeat([]byte("f"), max(c.args.Bytes, 1)), '\n')
	write := os.Stderr.Write
	if p, ok := c.p.(*stdioPeer); ok && c.args.Kind != "" {
		write = p.chunk
	}
	if c.args.Kind == "endless" {
		line = line[:len(line)-1]
	}
	for range c.args.N {
		if _, err := write(line); err != nil {
			return nil // Nobody reads any more.
		}
	}
	return c.result("flooded", nil)
}

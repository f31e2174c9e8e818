//go:build !unix

package main

import "time"

// burn is busy for this long.
func burn(d time.Duration) {
	for begun := time.Now(); time.Since(begun) < d; {
	}
}

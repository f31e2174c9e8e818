//go:build !unix

package main

// freeze never answers, and leaves no time to anybody else.
func freeze(*call) []byte {
	for {
		_ = 0
	}
}

package main

import (
	"os"
	"time"
)

// echoTime is how long after an interrupt another one counts as the same Ctrl-C: a terminal
// sends it to every program of a group, and npx and uv run also pass on the one they got.
const echoTime = 100 * time.Millisecond

// withoutEchoes passes signals on, but no interrupt that follows another within echoTime.
// It ends when signals is closed.
func withoutEchoes(signals <-chan os.Signal) <-chan os.Signal {
	wishes := make(chan os.Signal, cap(signals))
	go func() { // Ends with the process.
		defer close(wishes)
		var last time.Time
		for s := range signals {
			if s == os.Interrupt {
				if time.Since(last) < echoTime {
					continue
				}
				last = time.Now()
			}
			wishes <- s
		}
	}()
	return wishes
}

// wish does as if a signal had come. Where many have, one more says nothing new.
func wish(signals chan<- os.Signal, s os.Signal) {
	select {
	case signals <- s:
	default:
	}
}

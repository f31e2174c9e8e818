package main

import (
	"os"
	"time"
)

// echoTime is for how long after an interrupt another is taken for the same Ctrl-C: a
// terminal sends it to all programs of a group, and npx or uv run hand on theirs besides.
const echoTime = 100 * time.Millisecond

// withoutEchoes passes signals on, without interrupts just behind another. It ends when
// signals is closed.
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

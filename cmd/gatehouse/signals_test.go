package main

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Ctrl-C in a terminal and the copy that a wrapper passes on arrive together, and nobody is
// in a hurry. Whoever sends TERM twice is.
func TestSignals_echoesOfAnInterrupt_areOneWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 8)
		heard := withoutEchoes(signals)
		send := func(all ...os.Signal) {
			for _, s := range all {
				signals <- s
			}
			synctest.Wait()
		}
		send(os.Interrupt, os.Interrupt, syscall.SIGTERM, os.Interrupt, syscall.SIGTERM)
		time.Sleep(echoTime)
		send(os.Interrupt, os.Interrupt)
		close(signals)
		var got []os.Signal
		for s := range heard {
			got = append(got, s)
		}
		if want := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGTERM, os.Interrupt}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

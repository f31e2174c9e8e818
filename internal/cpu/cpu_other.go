//go:build !linux

package cpu

func readTicks() (ticks, bool) { return ticks{}, false }

func readSpent() spent { return spent{} }

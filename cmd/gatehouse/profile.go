package main

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profileVariable names a file for a CPU profile of the gateway's whole run.
// It is for those who work on the gateway; see docs/PERFORMANCE.md.
const profileVariable = "GATEHOUSE_CPUPROFILE"

// startProfile starts the profile if the environment asks for one. stop ends
// the profile and writes it.
func startProfile() (stop func(), err error) {
	path := os.Getenv(profileVariable)
	if path == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write the CPU profile of %s to %s: %w", profileVariable, path, reasonOf(err))
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot start the CPU profile of %s: %w", profileVariable, err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // Who reads it finds out.
	}, nil
}

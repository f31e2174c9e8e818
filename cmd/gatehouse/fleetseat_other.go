//go:build !linux

package main

import (
	"errors"
	"os"
)

// takeFleetSeat returns an error: there are no fleets on this system.
func takeFleetSeat(string) (*os.File, error) { return nil, errors.ErrUnsupported }

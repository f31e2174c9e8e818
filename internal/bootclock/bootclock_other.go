//go:build !linux

package bootclock

import (
	"errors"
	"time"
)

var errNone = errors.New("only Linux has a clock that all processes share and that counts while the machine sleeps")

// Now returns an error on this system.
func Now() (int64, error) { return 0, errNone }

// Until returns an error on this system.
func Until(int64) (time.Duration, error) { return 0, errNone }

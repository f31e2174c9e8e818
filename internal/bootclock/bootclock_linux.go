package bootclock

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Now returns how long ago the machine was started, in nanoseconds.
func Now() (int64, error) {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &at); err != nil {
		return 0, fmt.Errorf("cannot read the clock that counts since the start of the machine: %w", err)
	}
	return at.Nano(), nil
}

// Until returns how long it is until a moment of this clock.
func Until(moment int64) (time.Duration, error) {
	now, err := Now()
	return time.Duration(moment - now), err
}

//go:build !linux

package childproc

import "errors"

// Reaper does nothing here: what leaves its group can be found on Linux only.
type Reaper struct{}

// StartReaper returns a Reaper.
func StartReaper(ReaperOptions) *Reaper { return &Reaper{} }

// Lease returns an error: nothing here can end what runs by a lease.
func (*Reaper) Lease(int64) error { return errors.New("servers can run by a lease on Linux only") }

// Swept returns a channel that is closed: there is nothing to sweep up.
func (*Reaper) Swept() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

// Close does nothing.
func (*Reaper) Close() {}

//go:build !linux

package childproc

// Reaper does nothing here: what leaves its group can be found on Linux only.
type Reaper struct{}

// StartReaper returns a Reaper.
func StartReaper(ReaperOptions) *Reaper { return &Reaper{} }

// Close does nothing.
func (*Reaper) Close() {}

// IsGuard reports false: there are no guards here.
func IsGuard() bool { return false }

// RunGuard does nothing and returns the exit code for that.
func RunGuard() int { return 2 }

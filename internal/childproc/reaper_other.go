//go:build !linux

package childproc

// Reaper does nothing here: what leaves its group can be found on Linux only.
type Reaper struct{}

// StartReaper returns a Reaper.
func StartReaper(ReaperOptions) *Reaper { return &Reaper{} }

// Close does nothing.
func (*Reaper) Close() {}

//go:build !linux

package childproc

// Keeper does nothing here: what leaves its group can be found on Linux only.
type Keeper struct{}

// Keep gives a Keeper.
func Keep(KeepOptions) *Keeper { return &Keeper{} }

// Close does nothing.
func (*Keeper) Close() {}

// IsGuard reports false: there are no guards here.
func IsGuard() bool { return false }

// RunGuard does nothing and gives an exit code that says so.
func RunGuard() int { return 2 }

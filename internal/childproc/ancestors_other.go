//go:build unix && !linux && !darwin

package childproc

// Ancestors lists the processes above a process; on this system none is known.
func Ancestors(int) (list []Ancestor, whole bool) { return nil, true }

// DescendsFrom reports whether a process is below another; on this system that
// is not known.
func DescendsFrom(int, int) bool { return false }

//go:build linux

package childproc

// ProcReads returns how many files of /proc this process has read, and how
// often it has read the whole of /proc.
func ProcReads() (files, scans int64) { return filesRead.Load(), scansOfProc.Load() }

// WithoutLists makes the kernel look like one that does not list children.
func WithoutLists() { listsChildren = func() bool { return false } }

// NewShared returns the get of a shared look.
func NewShared[T any](take func() T) func() T { return newShared(take).get }

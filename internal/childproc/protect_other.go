//go:build !linux

package childproc

// Protect reports false: there is no such protection here.
func Protect() bool { return false }

//go:build unix

package ownsocket

import (
	"errors"
	"syscall"
)

// refused reports whether an error of dialling means that nobody listens.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

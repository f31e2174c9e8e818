//go:build windows

package ownsocket

import (
	"errors"

	"golang.org/x/sys/windows"
)

// refused reports whether an error of dialling means that nobody listens.
func refused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

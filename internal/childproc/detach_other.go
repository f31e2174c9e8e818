//go:build !unix

package childproc

import (
	"errors"
	"os"
)

// Detached says how this very program is started again so that it belongs to
// nobody.
type Detached struct {
	Args          []string
	Env           []string
	Stderr, Extra *os.File
}

// Detach returns an error: it is not there on this system.
func Detach(Detached) error { return errors.New("this system has no programs in the background") }

// Keep does nothing: see Detach.
func Keep(int) {}

// Package descriptors keeps a few file descriptors of the process back, so that
// files can be read and the operator can be answered when all others are taken.
//
// The limit is the process's, so what is kept is too: Keep is called once, by
// the program.
package descriptors

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// spares are what Keep has opened. All are guarded by mu but short.
var spares struct {
	mu    sync.Mutex
	want  int
	files []*os.File
	short atomic.Bool // fewer than want are kept
}

// Keep opens n descriptors that lead to nothing, or as many as there are.
func Keep(n int) {
	spares.mu.Lock()
	defer spares.mu.Unlock()
	spares.want = n
	for len(spares.files) > n {
		spend()
	}
	refill()
}

// refill opens what is missing, as far as it can.
func refill() {
	for len(spares.files) < spares.want {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		spares.files = append(spares.files, f)
	}
	spares.short.Store(len(spares.files) < spares.want)
}

// spend closes one of those that are kept, and reports whether there was one.
func spend() bool {
	last := len(spares.files) - 1
	if last < 0 {
		return false
	}
	_ = spares.files[last].Close() // It leads to nothing.
	spares.files = spares.files[:last]
	spares.short.Store(true)
	return true
}

// WithSpare calls do, and again each time that it fails for lack of descriptors
// and one that is kept can be given up for it. The error is the last one of do.
// What do has opened it must have closed when it returns.
func WithSpare(do func() error) error {
	if spares.short.Load() {
		Refill()
	}
	err := do()
	if !Scarce(err) {
		return err
	}
	spares.mu.Lock()
	defer spares.mu.Unlock()
	defer refill()
	for Scarce(err) && spend() {
		err = do()
	}
	return err
}

// Refill takes back what was given up, as far as there is something.
func Refill() {
	spares.mu.Lock()
	defer spares.mu.Unlock()
	refill()
}

// Listener accepts with a descriptor that is kept where there is no other one.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	for Scarce(err) && lend() {
		c, err = l.Listener.Accept()
	}
	return c, err //nolint:wrapcheck // A listener returns the error as it is.
}

func lend() bool {
	spares.mu.Lock()
	defer spares.mu.Unlock()
	return spend()
}

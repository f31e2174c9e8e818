//go:build unix

package audit

import "syscall"

// nonblocking keeps the opening of a named pipe from waiting for its reader.
const nonblocking = syscall.O_NONBLOCK | syscall.O_NOCTTY

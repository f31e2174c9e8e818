// Package systemd is what a service tells systemd, and gets from it: that it is
// ready, that it lives, that it stops, and a socket which is open already.
//
// Where systemd has not started the process, nothing of it does anything.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Manager is the systemd that started this process. The zero Manager is none.
type Manager struct {
	socket   string
	watchdog time.Duration // how long systemd waits for a sign of life; 0 is for ever
}

// FromEnvironment finds the manager by the variables that it sets for its services.
func FromEnvironment() Manager {
	m := Manager{socket: os.Getenv("NOTIFY_SOCKET")}
	if m.socket == "" || !forUs(os.Getenv("WATCHDOG_PID"), true) {
		return m
	}
	if micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && micros > 0 {
		m.watchdog = time.Duration(micros) * time.Microsecond
	}
	return m
}

// forUs reports whether a variable names this process. A service that was started
// by another one has the variables of that.
func forUs(pid string, otherwise bool) bool {
	if pid == "" {
		return otherwise
	}
	return pid == strconv.Itoa(os.Getpid())
}

// Ready tells that the service does its work, and what it does in a line for
// "systemctl status".
func (m Manager) Ready(ctx context.Context, status string) error {
	return m.tell(ctx, "READY=1\nSTATUS="+status)
}

// Stopping tells that the service ends.
func (m Manager) Stopping(ctx context.Context) error { return m.tell(ctx, "STOPPING=1") }

// KeepAlive tells that the service lives, twice as often as that is due, until ctx
// ends. It returns at once where nobody wants to know.
func (m Manager) KeepAlive(ctx context.Context) {
	if m.watchdog == 0 {
		return
	}
	tick := time.NewTicker(m.watchdog / 2)
	defer tick.Stop()
	for {
		_ = m.tell(ctx, "WATCHDOG=1") // The next one may get through.
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// patience is how long systemd may take to take a message.
const patience = time.Second

func (m Manager) tell(ctx context.Context, text string) error {
	if m.socket == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unixgram", m.socket) // A leading @ is the abstract namespace, as there.
	if err != nil {
		return fmt.Errorf("cannot reach systemd: %w", err)
	}
	defer func() { _ = c.Close() }()                 // It is told, or not.
	_ = c.SetWriteDeadline(time.Now().Add(patience)) // A socket takes one.
	if _, err := c.Write([]byte(text)); err != nil {
		return fmt.Errorf("cannot reach systemd: %w", err)
	}
	return nil
}

// firstDescriptor is where the sockets begin that systemd hands over.
const firstDescriptor = 3

// Listener returns the socket that systemd has opened for this process; nil if
// there is none. Several, or one that does not listen for TCP, are an error. It may be called once.
func Listener() (net.Listener, error) {
	if os.Getenv("LISTEN_FDS") == "" || !forUs(os.Getenv("LISTEN_PID"), false) {
		return nil, nil //nolint:nilnil // There need not be one.
	}
	if n := os.Getenv("LISTEN_FDS"); n != "1" {
		return nil, fmt.Errorf("systemd has opened %s sockets: name one in the socket unit (ListenStream=)", n)
	}
	f := os.NewFile(firstDescriptor, "socket")
	if f == nil {
		return nil, errors.New("systemd has opened a socket that is not there")
	}
	defer func() { _ = f.Close() }() // The listener has a descriptor of its own.
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("cannot use the socket that systemd has opened: %w", err)
	}
	if _, tcp := l.Addr().(*net.TCPAddr); !tcp {
		_ = l.Close()
		return nil, errors.New("the socket that systemd has opened is not one of TCP: use ListenStream=HOST:PORT")
	}
	return l, nil
}

package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Outlet is where lines go beside the file: the zero Outlet is nowhere. Make one
// with ParseOutlet.
type Outlet struct {
	name    string // as it was given
	network string // of package net, "fd" or "otlp"
	address string
	syslog  bool // RFC 5424 around each line; else the line itself
}

// localSyslog is the socket of the system's own log.
const localSyslog = "/dev/log"

// outletForms are the forms of an Outlet, for people.
const outletForms = "syslog, syslog:PATH, syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT, unix:PATH, tcp://HOST:PORT, otlp+https://HOST:PORT or fd:NUMBER"

// ParseOutlet reads where lines are to be sent: "syslog" (/dev/log) or
// "syslog:PATH" for RFC 5424 by unix datagrams, "syslog+udp://HOST:PORT" and
// "syslog+tcp://HOST:PORT" (octet-counted, RFC 6587) over the network, and
// "unix:PATH", "tcp://HOST:PORT" or "fd:NUMBER" (a descriptor that the program
// was started with) for the lines as they are. "otlp+http://HOST:PORT" and
// "otlp+https://HOST:PORT" are receivers of OTLP. The empty text is nowhere.
// Nothing is opened.
func ParseOutlet(s string) (Outlet, error) {
	o := Outlet{name: withoutSecrets(s)}
	scheme, rest, _ := strings.Cut(s, ":")
	host, isURL := strings.CutPrefix(rest, "//")
	o.syslog = strings.HasPrefix(scheme, "syslog")
	switch {
	case s == "":
		return o, nil
	case s == "syslog":
		o.network, o.address = "unixgram", localSyslog
	case scheme == "syslog" && rest != "" && !isURL:
		o.network, o.address = "unixgram", rest
	case scheme == "unix" && rest != "" && !isURL:
		o.network, o.address = "unix", rest
	case isURL && (scheme == "syslog+udp" || scheme == "syslog+tcp" || scheme == "tcp"):
		o.network, o.address = strings.TrimPrefix(scheme, "syslog+"), host
		if _, port, err := net.SplitHostPort(host); err != nil || port == "" || strings.Contains(host, "@") {
			return o, fmt.Errorf("%q: after // belongs HOST:PORT", o.name)
		}
	case isURL && (scheme == "otlp+http" || scheme == "otlp+https"):
		var err error
		o.network = "otlp"
		if o.address, err = parseOTLP(strings.TrimPrefix(s, "otlp+")); err != nil {
			return o, fmt.Errorf("%q: %w", o.name, err)
		}
	case scheme == "fd":
		if n, err := strconv.Atoi(rest); err != nil || n < 2 {
			return o, fmt.Errorf("%q: after fd: belongs the number of a descriptor, 2 or more", o.name)
		}
		o.network, o.address = "fd", rest
	default:
		return o, fmt.Errorf("%q: use %s", o.name, outletForms)
	}
	return o, nil
}

// none reports whether nothing is sent.
func (o Outlet) none() bool { return o.network == "" }

// withoutSecrets hides a name and password, a query and a fragment, which do not
// belong there but may have been given, from those who read errors and the log.
func withoutSecrets(s string) string {
	from := strings.Index(s, "//")
	if from < 0 {
		return s
	}
	at, query := strings.LastIndexByte(s, '@'), strings.IndexAny(s, "?#")
	switch {
	case query >= 0 && at > query: // Of a password or a query; who knows.
		return s[:from+2] + "…"
	case query >= 0:
		s = s[:query+1] + "…"
	}
	if at > from {
		s = s[:from+2] + "…" + s[at:]
	}
	return s
}

// String is the outlet as it was given, without what may be secret in it.
func (o Outlet) String() string { return o.name }

const (
	dialTimeout = 5 * time.Second
	sendTimeout = 5 * time.Second
)

// open connects. It blocks for dialTimeout at most.
func (o Outlet) open(ctx context.Context) (io.WriteCloser, error) {
	if o.network == "otlp" {
		return newOTLP(ctx, o.address)
	}
	if o.network == "fd" {
		n, err := strconv.Atoi(o.address)
		if err != nil {
			return nil, fmt.Errorf("internal: %w", err)
		}
		f := os.NewFile(uintptr(n), "fd "+o.address)
		if _, err := f.Stat(); err != nil {
			return nil, errors.New("there is no such descriptor")
		}
		return keptOpen{f}, nil
	}
	timed, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(timed, o.network, o.address)
	if err != nil {
		return nil, err //nolint:wrapcheck // Its caller names the outlet.
	}
	return patient{conn}, nil
}

// batch is how many lines may be written at once.
func (o Outlet) batch() int {
	if o.network == "otlp" {
		return otlpBatch
	}
	return 1
}

// frame appends a line, without its end, as the outlet wants it.
func (o Outlet) frame(dst, line []byte, head string, now time.Time) []byte {
	if !o.syslog {
		return append(append(dst, line...), '\n')
	}
	message := fmt.Appendf(nil, "<%d>1 %s %s ", auditPriority, now.UTC().Format("2006-01-02T15:04:05.000000Z"), head)
	message = append(message, line...)
	if o.network == "tcp" {
		dst = append(strconv.AppendInt(dst, int64(len(message)), 10), ' ')
	}
	return append(dst, message...)
}

// auditPriority is facility 13 (log audit) and severity 6 (informational).
const auditPriority = 13*8 + 6

// syslogHead is what stands between the time and the text of a message: host,
// program, process, kind of message and no structured data.
func syslogHead() string {
	host, err := os.Hostname()
	if err != nil || host == "" || strings.ContainsAny(host, " \n") {
		host = "-"
	}
	return fmt.Sprintf("%s gatehouse %d audit -", host, os.Getpid())
}

// patient gives each write its time.
type patient struct{ net.Conn }

func (p patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return 0, err //nolint:wrapcheck // A connection returns the error as it is.
	}
	return p.Conn.Write(b) //nolint:wrapcheck // As above.
}

// keptOpen is a descriptor that is not ours to close: it is there once.
type keptOpen struct{ *os.File }

func (keptOpen) Close() error { return nil }

package audit_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/testkit"
)

func outlet(t *testing.T, s string) audit.Outlet {
	t.Helper()
	o, err := audit.ParseOutlet(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// shortDir is a folder whose path fits a socket's address.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestParseOutlet(t *testing.T) {
	for s, good := range map[string]bool{
		"": true, "syslog": true, "syslog:/run/log": true, "syslog+udp://h:514": true, "syslog+tcp://[::1]:514": true, "unix:/x": true, "tcp://h:1": true, "fd:3": true,
		"journald": false, "syslog+tcp://h": false, "tcp:h:1": false, "unix:": false, "unix://x": false, "fd:": false, "fd:0": false, "fd:x": false, "http://h:1": false, "syslog:": false,
	} {
		if _, err := audit.ParseOutlet(s); (err == nil) != good {
			t.Errorf("%q: got %v, want it to be good: %v", s, err, good)
		}
	}
}

func TestShip_eachKindOfOutlet_getsEachLineInOrder(t *testing.T) {
	dir := shortDir(t)
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	datagrams := func(network, address string) net.PacketConn {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	tcp, plain, counted := listen("unix", dir+"/s"), listen("tcp", "127.0.0.1:0"), listen("tcp", "127.0.0.1:0")
	local, udp := datagrams("unixgram", dir+"/d"), datagrams("udp", "127.0.0.1:0")
	for name, c := range map[string]struct {
		to   string
		read func() []string
	}{
		"JSON lines to a unix socket":  {"unix:" + dir + "/s", func() []string { return stream(t, tcp, 6) }},
		"JSON lines over TCP":          {"tcp://" + plain.Addr().String(), func() []string { return stream(t, plain, 6) }},
		"syslog over TCP":              {"syslog+tcp://" + counted.Addr().String(), func() []string { return octets(t, counted, 6) }},
		"syslog by a unix datagram":    {"syslog:" + dir + "/d", func() []string { return packets(t, local, 6) }},
		"syslog by a datagram of UDP ": {"syslog+udp://" + udp.LocalAddr().String(), func() []string { return packets(t, udp, 6) }},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			l := d.open(t, audit.Options{Outlet: outlet(t, c.to)})
			for i := range 4 {
				l.Append(callRecord(strconv.Itoa(i), "read"))
			}
			closed := make(chan error, 1)
			go func() { closed <- tryClose(t, l) }()
			got := strings.Join(c.read(), "\n") + "\n"
			if err := <-closed; err != nil {
				t.Fatal(err)
			}
			if want := d.content(t); got != want {
				t.Errorf("got\n%s\nwant what is in the file:\n%s", got, want)
			}
			if s := l.Stats().Shipped; s.Sent != 6 || s.Lost != 0 || s.Queued != 0 || s.Err != "" {
				t.Errorf("got %+v, want 6 sent", s)
			}
		})
	}
}

func stream(t *testing.T, l net.Listener, n int) (lines []string) {
	conn, err := l.Accept()
	if err != nil {
		t.Error(err)
		return nil
	}
	defer conn.Close()
	for r := bufio.NewScanner(conn); len(lines) < n && r.Scan(); {
		lines = append(lines, r.Text())
	}
	return lines
}

var syslogHead = regexp.MustCompile(`^<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ gatehouse \d+ audit - \{`)

func withoutHead(t *testing.T, message string) string {
	head := syslogHead.FindString(message)
	if head == "" {
		t.Errorf("got %q, want a message of RFC 5424", message)
	}
	return "{" + message[len(head):]
}

func octets(t *testing.T, l net.Listener, n int) (lines []string) {
	conn, err := l.Accept()
	if err != nil {
		t.Error(err)
		return nil
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for len(lines) < n {
		var size int
		if _, err := fmt.Fscanf(r, "%d ", &size); err != nil {
			t.Error(err)
			return lines
		}
		message := make([]byte, size)
		for at := 0; at < size; {
			m, err := r.Read(message[at:])
			if err != nil {
				t.Error(err)
				return lines
			}
			at += m
		}
		lines = append(lines, withoutHead(t, string(message)))
	}
	return lines
}

func packets(t *testing.T, c net.PacketConn, n int) (lines []string) {
	buf := make([]byte, 64<<10)
	for len(lines) < n {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		m, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Error(err)
			return lines
		}
		lines = append(lines, withoutHead(t, string(buf[:m])))
	}
	return lines
}

func TestShip_receiverGone_fileAndCallsGoOnAndTheLossIsCounted(t *testing.T) {
	dir := shortDir(t)
	d := newDisk(t)
	d.hasty = true // At the end, nobody takes what is left.
	var out strings.Builder
	l := d.open(t, audit.Options{Outlet: outlet(t, "unix:"+dir+"/none"), Log: logTo(&out)})
	const records = 9000
	for i := range records {
		l.Append(callRecord(strconv.Itoa(i), "read"))
		if i%1000 == 0 {
			testkit.Eventually(t, "the queue is written", func() bool { return l.Stats().Queued < 4000 })
		}
	}
	testkit.Eventually(t, "all is written", func() bool { return l.Stats().Queued == 0 })
	if s := l.Stats(); s.Written != records || s.Lost != 0 || s.Shipped.Lost == 0 || s.Shipped.Queued > 8192 || s.Shipped.Err == "" {
		t.Errorf("got %+v, want all written, and what did not fit counted as not sent", s)
	}
	closeLog(t, l)
	if s := l.Stats().Shipped; s.Lost != records+2 || s.Queued != 0 {
		t.Errorf("got %+v after the end, want each of %d lines counted", s, records+2)
	}
	for _, want := range []string{"audit lines cannot be sent", "audit lines were not sent; the file has them"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got the log %s, want %q in it", out.String(), want)
		}
	}
}

func TestShip_begin_waitsForTheReceiver(t *testing.T) {
	dir := shortDir(t)
	d := newDisk(t)
	l := d.open(t, audit.Options{Outlet: outlet(t, "unix:"+filepath.Join(dir, "s"))})
	if err := l.Begin(t.Context(), callRecord("refused", "read")); err == nil {
		t.Error("got no error for a line that nobody received, want one")
	}
	server, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	got := make(chan []string, 1)
	go func() { got <- stream(t, server, 3) }()
	testkit.Eventually(t, "it is sent again", func() bool { return l.Stats().Shipped.Err == "" })
	if err := l.Begin(t.Context(), callRecord("begun", "read")); err != nil {
		t.Error(err)
	}
	var ids strings.Builder
	for _, text := range <-got {
		var r audit.Record
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Error(err)
		}
		ids.WriteString(r.CallID + ",")
	}
	if ids.String() != ",refused,begun," {
		t.Errorf("got the calls %s, want those of the start line, refused and begun, each once", ids.String())
	}
	closeLog(t, l)
}

// A password does not belong there, but may have been given.
func TestParseOutlet_errors_hideSecrets(t *testing.T) {
	for _, s := range []string{
		"otlp+http://user:hunter2@h/", "otlp+https://hunter2@h y/", "tcp://user:hunter2@h", "syslog+udp://u:hunter2@", "carrier://u:hunter2@h",
		"tcp://u:hunter2@x@h", "otlp+https://h/?token=hunter2", "otlp+http://h/#hunter2", "carrier://h?a=b@c&token=hunter2",
	} {
		if _, err := audit.ParseOutlet(s); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error without the password", s, err)
		}
	}
}

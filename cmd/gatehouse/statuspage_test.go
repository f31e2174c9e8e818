package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/terminal"
)

func someStatus() admin.Status {
	at := time.Now().Add(90 * time.Second)
	n := 3
	return admin.Status{
		Version: "1", PID: 7, Instance: "abc", Transport: "stdio", Generation: 4, PolicyHash: strings.Repeat("f", 64),
		Holds: []admin.Held{{Server: "db", Until: at, Why: "why\x1b"}},
		Servers: []admin.ServerStatus{
			{Name: "db", State: "held", Since: time.Now(), Reason: "r\x1b[2J" + strings.Repeat("x", 200), NextAttempt: &at},
			{Name: "x", State: "ready", Tools: &n, Since: time.Now().Add(-61 * time.Minute), PID: 5, Suspects: []string{"boom\x1b"}, Calls: 9, P99MS: 12.34},
		},
		Audit: admin.Audit{Written: 5, Lost: 2},
		Log:   admin.Log{Lost: 1, Err: "broken pipe"},
	}
}

func TestStatusPage_saysWhatIsOutOfTheOrdinary(t *testing.T) {
	got := page{now: time.Now()}.status(someStatus())
	for _, want := range []string{
		"stdio", "shutting down", "5 written, 2 lost", "1 line lost: broken pipe", "hold     db for 1m", `why\x1b`, "suspect  x", `boom\x1b`,
		"next try in 1m", "1h", "2 servers: 1 held, 1 ready", strings.Repeat("x", 200), "12ms",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing says %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") {
		t.Errorf("it must not act on the terminal: %q", got)
	}
}

// thirty is a gateway with thirty servers, three of them in trouble, one of
// which has been ready since it failed.
func thirty() admin.Status {
	st := someStatus()
	at, n := time.Now().Add(time.Minute), 12
	st.Servers, st.Holds, st.Ready = nil, nil, true
	st.Pinned, st.Clients = []string{"backend"}, []string{"claude-code/2.1"}
	for i := range 30 {
		s := admin.ServerStatus{Name: fmt.Sprintf("server-%02d", i), State: "ready", Since: time.Now().Add(-time.Hour), Tools: &n, PID: 4_194_000 + i, Run: 1, Calls: 1_234_567, Errors: 1234, P50MS: 12, P99MS: 3456}
		if i%10 == 9 {
			s.State, s.Reason, s.NextAttempt = "quarantined", "exit status 1: "+strings.Repeat("Cannot find module ", 10), &at
		}
		if i == 5 {
			s.LastError, s.LastErrorAt = "exit status 3", &st.Started
		}
		st.Servers = append(st.Servers, s)
	}
	for _, role := range []string{"servers", "rules"} {
		st.Files = append(st.Files, admin.File{Role: role, Path: "/home/somebody/" + strings.Repeat("deep/", 20), Why: "--rules"})
	}
	return st
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestStatusPage_fitsTheTerminal_troubleFirst(t *testing.T) {
	for _, size := range []terminal.Size{{Columns: 80, Rows: 24}, {Columns: 40, Rows: 12}, {Columns: 132, Rows: 60}, {Columns: 20, Rows: 10}} {
		for _, colors := range []bool{false, true} {
			t.Run(fmt.Sprintf("%dx%d colors %v", size.Columns, size.Rows, colors), func(t *testing.T) {
				text := page{size: size, now: time.Now(), colors: colors}.status(thirty())
				lines := strings.Split(strings.TrimSuffix(escapes.ReplaceAllString(text, ""), "\n"), "\n")
				if len(lines) >= size.Rows {
					t.Errorf("got %d lines, want fewer than %d:\n%s", len(lines), size.Rows, text)
				}
				for _, l := range lines {
					if w := terminal.Width(l); w > size.Columns {
						t.Errorf("got a line of %d columns, want %d at most: %q", w, size.Columns, l)
					}
				}
				if !strings.HasPrefix(lines[0], "gatehouse") {
					t.Errorf("the first line is %q, want the gateway", lines[0])
				}
				if strings.Contains(text, "\x1b") != colors {
					t.Errorf("got colors: %v, want %v", !colors, colors)
				}
			})
		}
	}
	text := page{size: terminal.Size{Columns: 80, Rows: 24}, now: time.Now()}.status(thirty())
	first := strings.Index(text, "server-09")
	for _, want := range []string{"agent backend", "client claude-code/2.1", "3 quarantined, 27 ready", "server-29", "next try in 1m0s; exit status 1", "ready: "} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q in\n%s", want, text)
		}
	}
	if healthy := strings.Index(text, "server-00"); first < 0 || first > healthy {
		t.Errorf("a server in trouble must come before one that is well:\n%s", text)
	}
}

func TestStatusPage_colorsTellTheStates(t *testing.T) {
	text := page{now: time.Now(), colors: true}.status(thirty())
	for _, want := range []string{"\x1b[31mquarantined\x1b[0m", "\x1b[32mready", "\x1b[31m    next try in"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q in\n%q", want, text)
		}
	}
}

func TestStatusFrame_inPlace_drawsOverTheFrameBefore(t *testing.T) {
	var b strings.Builder
	o := statusOptions{color: &colorOption{when: terminal.Never}, watch: true}
	if err := o.frame(&b, someStatus(), true); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if !strings.HasPrefix(got, "\x1b[H") || !strings.HasSuffix(got, "\x1b[J") {
		t.Errorf("got %q, want it to begin at the top and to clear what is below", got)
	}
	if strings.Count(got, "\x1b[K\n") != strings.Count(got, "\n") {
		t.Error("a line does not clear its rest")
	}
}

func TestServerPage_wrapsWhatIsLong(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 60))
	d := admin.ServerDetail{
		ServerStatus: admin.ServerStatus{Name: "db\x1b", State: "backing-off", Reason: long, Since: time.Now()},
		Command:      []string{"npx", "-y", long},
		Output:       []admin.OutputLine{{At: time.Now(), Stream: "stderr", Line: long}},
		History:      []admin.ServerEvent{{At: time.Now(), Event: "server crashed", Run: 2, Details: long}},
	}
	text := page{size: terminal.Size{Columns: 60, Rows: 24}, now: time.Now()}.server(d)
	for l := range strings.SplitSeq(text, "\n") {
		if w := terminal.Width(l); w > 60 {
			t.Errorf("got a line of %d columns, want 60 at most: %q", w, l)
		}
	}
	if got, want := strings.Count(text, "word"), 4*60; got != want {
		t.Errorf("got %d of the words, want all %d:\n%s", got, want, text)
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("it must not act on the terminal: %q", text)
	}
}

func TestServerPage_fitsTheTerminal_theNewestOfAll(t *testing.T) {
	d := admin.ServerDetail{
		ServerStatus: admin.ServerStatus{Name: "db", State: "quarantined", Since: time.Now(), Reason: strings.Repeat("it failed ", 20)},
		Command:      []string{"npx", "-y", strings.Repeat("package ", 30)},
	}
	for i := range 20 {
		d.Output = append(d.Output, admin.OutputLine{At: time.Now(), Stream: "stderr", Line: fmt.Sprint("line ", i)})
		d.History = append(d.History, admin.ServerEvent{At: time.Now(), Event: fmt.Sprint("event ", i)})
	}
	for _, size := range []terminal.Size{{Columns: 80, Rows: 24}, {Columns: 40, Rows: 60}, {Columns: 20, Rows: 5}} {
		text := page{size: size, now: time.Now(), drawn: true}.server(d)
		if got := strings.Count(text, "\n"); got >= size.Rows {
			t.Errorf("got %d lines, want fewer than %d:\n%s", got, size.Rows, text)
		}
		if size.Rows > 20 {
			for _, want := range []string{"db  quarantined", "line 19", "event 19", "what happened"} {
				if !strings.Contains(text, want) {
					t.Errorf("%v: nothing says %q in\n%s", size, want, text)
				}
			}
		}
	}
	whole := page{now: time.Now()}.server(d)
	for _, want := range []string{"line 0", "event 0"} {
		if !strings.Contains(whole, want) {
			t.Errorf("nothing says %q in\n%s", want, whole)
		}
	}
}

// One line must have what tells most: why, not how often.
func TestStatusPage_ofAQuarantinedServer_hasTheCause(t *testing.T) {
	st := admin.Status{Servers: []admin.ServerStatus{{
		Name: "db", State: "quarantined", Reason: "6 failures within 1m0s, 5 allowed: exit status 1: Error: Cannot find module x",
	}}}
	if got, want := (page{size: terminal.Size{Columns: 80, Rows: 24}, now: time.Now()}).status(st), "    exit status 1: Error: Cannot find module x\n"; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant the line %q", got, want)
	}
	if got, want := (page{now: time.Now()}).status(st), "6 failures within"; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant %q where there is room", got, want)
	}
}

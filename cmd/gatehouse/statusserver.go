package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/plural"
	"gatehouse/internal/shellword"
	"gatehouse/internal/terminal"
)

// server is the page of one server: how it does, its output and what happened.
// It is as long as it needs to be, unless it is drawn: then there is the newest of
// these, as much as there is room for.
func (p page) server(d admin.ServerDetail) string {
	head, output, history := slices.Concat(p.state(d), p.origin(d)), slices.Concat(p.crashes(d), p.output(d)), p.history(d)
	if p.drawn && p.size.Rows > 0 {
		rows := p.size.Rows - 1 // The last row stays empty.
		head = head[:min(len(head), rows)]
		rows -= len(head)
		output = newest(output, max(rows/2, rows-len(history)))
		history = newest(history, rows-len(output))
	}
	return p.join(head, output, history)
}

// newest keeps the two lines of a list's title, and the last ones.
func newest(lines []string, rows int) []string {
	const title = 2
	switch {
	case len(lines) <= rows:
		return lines
	case rows <= title:
		return nil
	}
	return append(slices.Clone(lines[:title]), lines[len(lines)-(rows-title):]...)
}

// state is how the server does and what will happen next.
func (p page) state(d admin.ServerDetail) []string {
	title := fmt.Sprintf("%s  %s for %s", line(d.Name), line(d.State), age(p.now.Sub(d.Since)))
	lines := []string{p.cut(stateColor(d.State), title)}
	add := func(key, text string) { lines = append(lines, p.wrapped(key, text)...) }
	if d.Reason != "" {
		add("reason", line(d.Reason))
	}
	if d.Node != "" {
		add("runs at", line(d.Node))
	}
	if d.Place != "" {
		add("place", line(d.Place))
	}
	if d.Auth != nil {
		add("login", p.loginText(d.Name, *d.Auth))
	}
	if d.NextAttempt != nil {
		add("next try", fmt.Sprintf("in %s; \"%s\" tries now", age(d.NextAttempt.Sub(p.now)), releaseCommand(line(d.Name))))
	}
	if d.LastError != "" && d.LastErrorAt != nil && d.LastError != d.Reason {
		add("failed", age(p.now.Sub(*d.LastErrorAt))+" ago: "+line(d.LastError))
	}
	run := fmt.Sprintf("%d, %s", d.Run, plural.Of(d.Restarts, "restart")) + strings.TrimSuffix(", pid "+strconv.Itoa(d.PID), ", pid 0")
	if d.RunSince != nil {
		run += ", began " + age(p.now.Sub(*d.RunSince)) + " ago"
	}
	if d.LastCrash != nil {
		run += ", last crash " + age(p.now.Sub(*d.LastCrash)) + " ago"
	}
	if d.Actor != "" {
		run += ", actor " + line(d.Actor)
	}
	add("run", run)
	calls := fmt.Sprintf("%d, of which %d failed, %d in flight", d.Calls, d.Errors, d.InFlight)
	if d.Waiting > 0 {
		calls += fmt.Sprintf(", %d waiting", d.Waiting)
	}
	if d.Calls > 0 {
		calls += fmt.Sprintf("; half took at most %s, 99 of 100 %s", latency(d.P50MS), latency(d.P99MS))
	}
	add("calls", calls)
	tools := toolCount(d.ServerStatus)
	if d.Tools == nil {
		tools = "not known yet"
	}
	if d.Protocol != "" {
		tools += ", MCP " + line(d.Protocol)
	}
	if d.ToolsProblem != "" {
		tools += "; " + line(d.ToolsProblem)
	}
	add("tools", tools)
	if len(d.Suspects) > 0 {
		add("suspect", line(strings.Join(d.Suspects, ", "))+": ran at two or more crashes")
	}
	for _, b := range d.Blocks {
		add("blocked", p.blockText(d.Name, b))
	}
	return lines
}

// loginText says how the login of a server is.
func (p page) loginText(server string, a admin.Auth) string {
	var expires time.Time
	if a.Expires != nil {
		expires = *a.Expires
	}
	return line(a.Text(server, untilWhen(expires, a.Renews, p.now)))
}

// blockText says whose calls are refused, why and for how long.
func (p page) blockText(server string, b admin.Block) string {
	return line(fmt.Sprintf("%s, for %s more: its calls ended the server %s (%s); \"%s\" ends that",
		b.Whose(), age(b.Until.Sub(p.now)), times(b.Crashes), b.Reason, releaseCommand(server)))
}

// times says how often: "once", "3 times".
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

// origin is what the server is started or reached with.
func (p page) origin(d admin.ServerDetail) []string {
	var lines []string
	add := func(key, text string) {
		if text != "" {
			lines = append(lines, p.wrapped(key, line(text))...)
		}
	}
	words := make([]string, len(d.Command))
	for i, word := range d.Command {
		words[i] = shellword.WithVariables(word)
	}
	add("command", strings.Join(words, " "))
	add("cwd", d.Cwd)
	add("env", strings.Join(slices.Concat(d.Env, d.EnvPass), " "))
	add("envFile", d.EnvFile)
	add("url", d.URL)
	add("headers", strings.Join(d.Headers, " "))
	if d.Position != "" {
		add("entry", d.Position+", fingerprint "+d.Fingerprint)
	}
	return lines
}

func (p page) output(d admin.ServerDetail) []string {
	if len(d.Output) == 0 {
		return []string{"", p.paint(bold, "it wrote nothing to stderr")}
	}
	lines := []string{"", p.paint(bold, "last lines that it wrote")}
	for _, l := range d.Output {
		text := fmt.Sprintf("%s  %s", clock(l.At), line(l.Line))
		if l.Stream == "stdout" {
			text = fmt.Sprintf("%s  (stdout, not MCP) %s", clock(l.At), line(l.Line))
		}
		lines = append(lines, p.indented(text)...)
	}
	return lines
}

func (p page) history(d admin.ServerDetail) []string {
	if len(d.History) == 0 {
		return nil
	}
	lines := []string{"", p.paint(bold, "what happened")}
	for _, e := range d.History {
		text := fmt.Sprintf("%s  %s", clock(e.At), line(e.Event))
		if e.Run != 0 {
			text += fmt.Sprintf(", run %d", e.Run)
		}
		if e.Details != "" {
			text += ": " + line(e.Details)
		}
		lines = append(lines, p.indented(text)...)
	}
	return lines
}

func clock(t time.Time) string { return t.Local().Format("15:04:05") }

// wrapped is a key and its text, which may go on below itself.
func (p page) wrapped(key, text string) []string {
	const width = 10
	lines := terminal.Wrap(text, max(0, p.size.Columns-width))
	for i := range lines {
		lines[i] = terminal.Pad(key, width, false) + lines[i]
		key = ""
	}
	return lines
}

func (p page) indented(text string) []string {
	const first, more = "  ", "            "
	lines := terminal.Wrap(text, max(0, p.size.Columns-len(more)))
	for i := range lines {
		if i == 0 {
			lines[i] = first + lines[i]
		} else {
			lines[i] = more + lines[i]
		}
	}
	return lines
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/plural"
	"gatehouse/internal/shellword"
	"gatehouse/internal/terminal"
)

// page is how a status is shown to people: within the size (zero is no limit),
// at this moment, in colors or without.
type page struct {
	size   terminal.Size
	now    time.Time
	colors bool
	drawn  bool // over the page before it, so that of one server no line may be too many
}

// The colors of a page, as the terminal's codes.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (p page) paint(color, text string) string {
	if !p.colors || color == "" || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func stateColor(state string) string {
	switch endpoint.State(state) {
	case endpoint.Ready:
		return green
	case endpoint.Quarantined, endpoint.NeedsAuth, endpoint.Misconfigured:
		return red
	case endpoint.BackingOff, endpoint.Starting, endpoint.Draining, endpoint.Stopped:
		return yellow
	case endpoint.Held:
		return cyan
	case endpoint.Idle, endpoint.Disabled:
		return faint
	}
	return ""
}

// status is the whole page. Everything in it that comes from servers or files
// is safe for a terminal.
func (p page) status(st admin.Status) string {
	head, blocks := p.table(st.Servers)
	top := p.top(st)
	if p.size.Rows <= 0 {
		return p.join(top, p.details(st), p.notes(st), []string{""}, all(head, blocks))
	}
	notes := shorter(p.notes(st), max(3, p.size.Rows/4))
	details := p.details(st)
	rows := p.size.Rows - 1 - len(top) - len(notes) - 1 // The last row stays empty.
	rest := p.servers(head, blocks, rows)
	if len(details) > rows-len(rest) {
		details = nil
	}
	return p.join(top, details, notes, []string{""}, rest)
}

// join makes lines that are not wider than the page.
func (p page) join(parts ...[]string) string {
	var b strings.Builder
	for _, l := range slices.Concat(parts...) {
		if p.size.Columns > 0 && !strings.Contains(l, "\x1b") { // What is painted has been cut.
			l = terminal.Cut(l, p.size.Columns)
		}
		b.WriteString(l)
		b.WriteByte('\n')
	}
	return b.String()
}

// top says which gateway it is and how it does.
func (p page) top(st admin.Status) []string {
	title := fmt.Sprintf("gatehouse %s  pid %d  up %s  %s", line(st.Version), st.PID, age(time.Duration(st.UptimeMS)*time.Millisecond), line(whoseIs(st)))
	lines := []string{p.cut(bold, title)}
	if !st.Ready {
		lines = append(lines, p.cut(yellow, "it is shutting down"))
	}
	if u := st.RulesUnreadable; u != nil {
		text := fmt.Sprintf("rules changed and cannot be read for %s: %s", age(p.now.Sub(u.Since)), line(u.Reason))
		if u.Refusing {
			text += "; every call is refused"
		}
		lines = append(lines, p.cut(red, text))
	}
	if st.Fleet != nil {
		lines = append(lines, p.fleet(*st.Fleet))
	}
	tally := fmt.Sprintf("generation %d, %s old; %s: %s", st.Generation,
		age(time.Duration(st.GenerationAgeMS)*time.Millisecond), plural.Of(len(st.Servers), "server"), orNone(line(admin.StatesOf(st.Servers))))
	const roomy = 20 // rows
	if p.size.Rows > 0 && p.size.Rows < roomy {
		return append(lines, tally)
	}
	return append(lines, terminal.Wrap(tally, p.size.Columns)...)
}

// cut paints a line of the page.
func (p page) cut(color, text string) string {
	if p.size.Columns > 0 {
		text = terminal.Cut(text, p.size.Columns)
	}
	return p.paint(color, text)
}

// details are what is in order and can be left out: files, reloads, the audit.
func (p page) details(st admin.Status) []string {
	lines := []string{fmt.Sprintf("instance %s, policy %s: %s", line(st.Instance), terminal.Cut(line(st.PolicyHash), 13), st.Rules)}
	if len(st.Actors) > 0 {
		lines = append(lines, "actors   "+actorsText(st.Actors))
	}
	if st.Ops != "" {
		lines = append(lines, fmt.Sprintf("page     %s (gatehouse ops open)", line(st.Ops)))
	}
	for _, f := range st.Files {
		lines = append(lines, fmt.Sprintf("%-8s %s (%s)", line(f.Role), line(f.Path), line(f.Why)))
	}
	for _, r := range st.Reloads {
		if r.Outcome != admin.Rejected {
			lines = append(lines, reloadLine(r))
		}
	}
	if st.Audit.Fine() {
		lines = append(lines, auditLine(st.Audit))
	}
	return lines
}

func reloadLine(r admin.Report) string {
	text := fmt.Sprintf("reload   %s %s: %s", clock(r.At), line(r.File), line(reportText(r)))
	if r.Outcome == admin.Rejected && r.LastGood != nil {
		text += "; in force is what was read at " + clock(*r.LastGood)
	}
	return text
}

func auditLine(a admin.Audit) string { return "audit    " + line(a.String()) }

// actorsText names the gateway's own actors, and says which failed how often.
func actorsText(actors []admin.Actor) string {
	names := make([]string, len(actors))
	for i, a := range actors {
		names[i] = line(a.Name)
		if a.Restarts > 0 {
			names[i] += fmt.Sprintf(" (%s)", plural.Of(a.Restarts, "restart"))
		}
	}
	return strings.Join(names, ", ")
}

// notes are what is out of the ordinary.
func (p page) notes(st admin.Status) []string {
	var lines []string
	for _, r := range st.Reloads {
		if r.Outcome == admin.Rejected {
			var problems strings.Builder
			printShownProblems(&problems, r.Problems, "  ")
			lines = append(lines, p.cut(red, reloadLine(r)))
			lines = append(lines, strings.Split(strings.TrimSuffix(problems.String(), "\n"), "\n")...)
		}
	}
	if o := st.PassedOver; o != nil {
		lines = append(lines, fmt.Sprintf("passed over %s: %s", line(strings.Join(o.Files, ", ")), line(o.Why)), "  hint: "+line(o.Hint))
	}
	if !st.Audit.Fine() {
		lines = append(lines, p.cut(red, auditLine(st.Audit)))
	}
	if st.Log.Lost > 0 {
		lines = append(lines, p.cut(yellow, "log      "+line(st.Log.String())))
	}
	for _, l := range st.Limited {
		lines = append(lines, p.limitedLine(l))
	}
	for _, h := range st.Holds {
		lines = append(lines, p.holdLine(h))
	}
	for _, d := range st.Draining {
		lines = append(lines, fmt.Sprintf("draining %s of generation %d, for %s", line(d.Server), d.Generation, age(p.now.Sub(d.Since))))
	}
	for _, s := range st.Servers {
		for _, b := range s.Blocks {
			lines = append(lines, p.cut(yellow, fmt.Sprintf("blocked  %s: %s", line(s.Name), p.blockText(s.Name, b))))
		}
		if s.Place != "" {
			lines = append(lines, p.cut(yellow, fmt.Sprintf("place    %s: %s", line(s.Name), line(s.Place))))
		}
		if s.ToolChanges > 0 {
			lines = append(lines, fmt.Sprintf("tools    %s: %s changed; see %s", line(s.Name), plural.Of(s.ToolChanges, "definition"), shellword.Command("gatehouse tools", "--changes", line(s.Name))))
		}
		for _, text := range s.AccessChanges {
			lines = append(lines, p.cut(yellow, fmt.Sprintf("access   %s: %s", line(s.Name), line(text))))
		}
		if s.ToolsProblem != "" {
			lines = append(lines, fmt.Sprintf("tools    %s: %s", line(s.Name), line(s.ToolsProblem)))
		}
		if len(s.Suspects) > 0 {
			lines = append(lines, fmt.Sprintf("suspect  %s crashed twice or more while it ran: %s", line(s.Name), line(strings.Join(s.Suspects, ", "))))
		}
	}
	return lines
}

func (p page) holdLine(h admin.Held) string {
	until := "until it is released"
	if !h.Until.IsZero() {
		until = "for " + age(h.Until.Sub(p.now)) + " more"
	}
	if h.Why != "" {
		until += ": " + line(h.Why)
	}
	return fmt.Sprintf("hold     %s %s", line(h.Server), until)
}

// shorter keeps the first lines, and says how many there are besides.
func shorter(lines []string, limit int) []string {
	if len(lines) <= limit {
		return lines
	}
	return append(slices.Clone(lines[:limit-1]), fmt.Sprintf("... and %d more lines; --all shows them", len(lines)-limit+1))
}

// all is the table without a limit.
func all(head string, blocks []block) []string {
	if len(blocks) == 0 {
		return []string{"no servers"}
	}
	lines := []string{head}
	for _, b := range blocks {
		lines = append(append(lines, b.row), b.below...)
	}
	return lines
}

// servers is the table in at most so many rows: first what is below servers
// that are well is left out, then servers from the end.
func (p page) servers(head string, blocks []block, rows int) []string {
	lines := all(head, blocks)
	if len(lines) <= rows {
		return lines
	}
	blocks = slices.Clone(blocks)
	for i := range blocks {
		if !blocks[i].server.Troubled() {
			blocks[i].below = nil
		}
	}
	if lines = all(head, blocks); len(lines) <= rows {
		return lines
	}
	lines = []string{head}
	shown := 0
	for _, b := range blocks {
		if len(lines)+1+len(b.below) > rows-1 { // One for the rest.
			break
		}
		lines = append(append(lines, b.row), b.below...)
		shown++
	}
	var rest []admin.ServerStatus
	var names []string
	for _, b := range blocks[shown:] {
		rest = append(rest, b.server)
		names = append(names, line(b.server.Name))
	}
	text := fmt.Sprintf("... and %s: %s", line(admin.StatesOf(rest)), strings.Join(names, ", "))
	return append(lines, p.cut(faint, text))
}

// limitedLine says whose calls exceeded a limit.
func (p page) limitedLine(l admin.Limited) string {
	return line(fmt.Sprintf("limit    %s: %s refused, the last %s ago by %s", l.Who(), plural.Of(l.Refused, "call"), age(p.now.Sub(l.At)), l.Limit))
}

// whoseIs says how agents reach a gateway, and which.
func whoseIs(st admin.Status) string {
	parts := []string{reachedAt(st)}
	if len(st.Pinned) > 0 {
		parts = append(parts, "agent "+strings.Join(st.Pinned, ","))
	}
	if len(st.Clients) > 0 {
		parts = append(parts, "client "+strings.Join(st.Clients, ", "))
	}
	return strings.Join(parts, "  ")
}

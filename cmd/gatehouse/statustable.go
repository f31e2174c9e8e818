package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/terminal"
)

// block is one server in the table: its row, and below it why it is not well.
type block struct {
	server admin.ServerStatus
	row    string
	below  []string
}

// column is one of the table. Those of a higher rank go first where the table
// is too wide.
type column struct {
	title string
	rank  int
	right bool
	cell  func(s admin.ServerStatus, now time.Time) string
}

var columns = []column{
	{"SERVER", 0, false, func(s admin.ServerStatus, _ time.Time) string { return terminal.Cut(line(s.Name), 40) }},
	{"STATE", 0, false, func(s admin.ServerStatus, _ time.Time) string { return line(s.State) }},
	{"FOR", 3, true, func(s admin.ServerStatus, now time.Time) string {
		return orDash(!s.Since.IsZero(), age(now.Sub(s.Since)))
	}},
	{"CALLS", 1, true, func(s admin.ServerStatus, _ time.Time) string { return strconv.FormatUint(s.Calls, 10) }},
	{"ERRORS", 2, true, func(s admin.ServerStatus, _ time.Time) string { return strconv.FormatUint(s.Errors, 10) }},
	{"P50", 7, true, func(s admin.ServerStatus, _ time.Time) string { return orDash(s.Calls > 0, latency(s.P50MS)) }},
	{"P99", 4, true, func(s admin.ServerStatus, _ time.Time) string { return orDash(s.Calls > 0, latency(s.P99MS)) }},
	{"BUSY", 5, true, func(s admin.ServerStatus, _ time.Time) string { return strconv.Itoa(s.InFlight) }},
	{"TOOLS", 6, true, func(s admin.ServerStatus, _ time.Time) string { return toolCount(s) }},
	{"RESTARTS", 8, true, func(s admin.ServerStatus, _ time.Time) string { return strconv.Itoa(s.Restarts) }},
	{"RUN", 9, true, func(s admin.ServerStatus, _ time.Time) string { return strconv.FormatUint(s.Run, 10) }},
	{"PID", 10, true, func(s admin.ServerStatus, _ time.Time) string { return orDash(s.PID != 0, strconv.Itoa(s.PID)) }},
}

// gap is what stands between two columns.
const gap = 2

// table lays out the servers, trouble first, within the page's width.
func (p page) table(servers []admin.ServerStatus) (head string, blocks []block) {
	servers = slices.Clone(servers)
	slices.SortStableFunc(servers, func(a, b admin.ServerStatus) int {
		return cmp.Or(cmp.Compare(a.Urgency(), b.Urgency()), strings.Compare(a.Name, b.Name))
	})
	cells, widths := p.cells(servers)
	kept := p.choose(widths)
	titles := make([]string, len(kept))
	for i, c := range kept {
		titles[i] = terminal.Pad(terminal.Cut(columns[c].title, widths[c]), widths[c], columns[c].right)
	}
	for n, s := range servers {
		row := make([]string, len(kept))
		for i, c := range kept {
			row[i] = terminal.Pad(terminal.Cut(cells[n][c], widths[c]), widths[c], columns[c].right)
			if columns[c].title == "STATE" {
				row[i] = p.paint(stateColor(s.State), row[i])
			}
		}
		blocks = append(blocks, block{s, strings.TrimRight(strings.Join(row, "  "), " "), p.below(s)})
	}
	return p.paint(bold, strings.TrimRight(strings.Join(titles, "  "), " ")), blocks
}

func (p page) cells(servers []admin.ServerStatus) (cells [][]string, widths []int) {
	widths = make([]int, len(columns))
	for i, c := range columns {
		widths[i] = len(c.title)
	}
	for _, s := range servers {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = c.cell(s, p.now)
			widths[i] = max(widths[i], terminal.Width(row[i]))
		}
		cells = append(cells, row)
	}
	return cells, widths
}

// nameWidth is what a server's name keeps before columns are given up for it.
const nameWidth = 16

// choose drops columns until the rest fits, and then makes the names shorter.
func (p page) choose(widths []int) (kept []int) {
	for i := range columns {
		kept = append(kept, i)
	}
	if p.size.Columns <= 0 {
		return kept
	}
	total := func() int {
		sum := -gap
		for _, c := range kept {
			sum += widths[c] + gap
		}
		return sum
	}
	spare := max(0, widths[0]-nameWidth)
	for total()-spare > p.size.Columns && len(kept) > 2 {
		last := slices.MaxFunc(kept, func(a, b int) int { return cmp.Compare(columns[a].rank, columns[b].rank) })
		kept = slices.DeleteFunc(kept, func(c int) bool { return c == last })
	}
	widths[0] = max(4, widths[0]-max(0, total()-p.size.Columns))
	return kept
}

// whyGivenUp is how often a server failed, before why, in the reason of a
// quarantine.
var whyGivenUp = lazyregexp.New(`^(?:\d+ failures? within \S+, \d+ allowed|\d+ (?:try|tries) in a row never became ready, \d+ allowed|it cannot be started|the probe failed|the probe got ready but failed after \S+): `)

// below is why a server is not ready and when it is tried again, else how it
// last failed.
func (p page) below(s admin.ServerStatus) []string {
	text, color := "", stateColor(s.State)
	switch {
	case s.Reason != "":
		text = line(s.Reason)
	case s.LastError != "" && s.LastErrorAt != nil:
		text, color = age(p.now.Sub(*s.LastErrorAt))+" ago: "+line(s.LastError), faint
	}
	if s.Auth != nil && s.Reason == "" && (text == "" || s.NeedsLogin()) {
		text, color = p.loginText(s.Name, *s.Auth), faint
		if s.NeedsLogin() {
			color = yellow
		}
	}
	if p.size.Rows > 0 { // There is one line.
		text = whyGivenUp().ReplaceAllString(text, "")
	}
	if s.NextAttempt != nil {
		text = strings.TrimSuffix("next try in "+age(s.NextAttempt.Sub(p.now))+"; "+text, "; ")
	}
	if text == "" {
		return nil
	}
	const indent = "    "
	if p.size.Rows > 0 {
		return []string{p.paint(color, terminal.Cut(indent+text, p.size.Columns))}
	}
	var lines []string
	for _, l := range terminal.Wrap(text, max(0, p.size.Columns-len(indent))) {
		lines = append(lines, p.paint(color, indent+l))
	}
	return lines
}

func orDash(ok bool, text string) string {
	if !ok {
		return "-"
	}
	return text
}

func toolCount(s admin.ServerStatus) string {
	if s.Tools == nil {
		return "?"
	}
	return strconv.Itoa(*s.Tools)
}

// latency says milliseconds in a few characters.
func latency(ms float64) string {
	switch {
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 1, 64) + "ms"
	case ms < 1000:
		return strconv.FormatFloat(ms, 'f', 0, 64) + "ms"
	case ms < 60_000:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + "s"
	default:
		return age(time.Duration(ms * float64(time.Millisecond)))
	}
}

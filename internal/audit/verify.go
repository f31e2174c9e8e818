package audit

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/plural"
	"gatehouse/internal/rawjson"
)

// Decide answers by one set of rules what a record is about, as the gateway would:
// whether it is an allow, and by which step and rule.
type Decide func(r *Record) (allow bool, step, rule string)

// Kind says what is wrong with a line.
type Kind string

// The kinds of findings.
const (
	// Decided: the rules decide otherwise than the line says.
	Decided Kind = "decision"
	// Gap: lines are missing before this one.
	Gap Kind = "gap"
	// Repeated: the number was there before, or comes too late.
	Repeated Kind = "repeated"
	// Chain: the line before was changed, or it is not the one that was there.
	Chain Kind = "chain"
	// Cut: the last lines are missing.
	Cut Kind = "cut"
	// Dropped: the gateway says that it deleted lines before their time.
	Dropped Kind = "dropped"
	// Loss: the gateway says that it could not write some records.
	Loss Kind = "loss"
	// Truncated: the last line of a file has no end.
	Truncated Kind = "truncated"
	// Unreadable: the line is not one of an audit log.
	Unreadable Kind = "unreadable"
)

// Finding is one thing that is wrong. Texts from the file are quoted in it.
type Finding struct {
	File     string `json:"file"`
	Line     int    `json:"line"` // from 1
	Instance string `json:"instance,omitempty"`
	Seq      uint64 `json:"seq,omitempty"`
	Kind     Kind   `json:"kind"`
	Message  string `json:"message"`
}

// Summary counts what was looked at.
type Summary struct {
	Files     int `json:"files"`
	Lines     int `json:"lines"`
	Instances int `json:"instances"`
	// Checked decisions were made by the given rules, Other ones by others,
	// and Unchecked ones name something that is too long for the log, or a URI whose
	// password is not in it.
	Checked   int    `json:"checked"`
	Other     int    `json:"other_rules"`
	Unchecked int    `json:"unchecked"`
	Lost      uint64 `json:"lost"`
	// Events are lines about something other than calls; Summarized refusals are
	// told of by lines about many.
	Events     int    `json:"events"`
	Summarized uint64 `json:"summarized"`
	Findings   int    `json:"findings"`
}

// Verifier looks at the lines of audit logs, in the order in which they were
// written. Its methods are for one goroutine.
type Verifier struct {
	rules     map[string]Decide
	report    func(Finding)
	earlier   bool // files before the first one may have been dropped
	instances map[string]*instance
	summary   Summary
	chain     chain
	lastLine  int // the number of the last line that was read
}

// instance is what is known of one process.
type instance struct {
	last    uint64
	stopped bool
	open    map[string]bool // calls that have begun
}

// NewVerifier makes a Verifier that decides again what was decided by rules
// with one of these hashes. report gets each finding at once. dropped means that
// older files were rotated away, so instances need not begin with their first
// line.
func NewVerifier(rules map[string]Decide, dropped bool, report func(Finding)) *Verifier {
	return &Verifier{rules: rules, earlier: dropped, report: report, instances: map[string]*instance{}}
}

// verified is any line of the log.
type verified struct {
	Record
	eventOnly

	Lost   uint64 `json:"lost"`
	Prev   string `json:"prev"`
	Last   string `json:"last"`
	Reason string `json:"reason"`
}

// place is where a line is.
type place struct {
	file string
	line int
	rec  *verified
}

// line looks at one line; ended is whether it has its line end.
func (v *Verifier) line(file string, number int, text []byte, ended bool) {
	if len(bytes.TrimSpace(text)) == 0 && ended {
		return // See file.torn: it does no harm.
	}
	v.summary.Lines++
	p := place{file: file, line: number}
	v.lastLine = number
	if !ended {
		v.find(p, Truncated, "the line has no end: it was cut off, or whoever wrote it was killed")
		return
	}
	var rec verified
	if err := strict(text, &rec); err != nil {
		v.find(p, Unreadable, "not a line of an audit log: %s", err)
		return
	}
	p.rec = &rec
	if rec.V != version || rec.Instance == "" || rec.Seq == 0 {
		v.find(p, Unreadable, "not a line of an audit log: it lacks v %d, instance or seq", version)
		return
	}
	defer v.chain.pass(text)
	v.link(p, v.number(p))
	switch rec.Event {
	case eventStart, eventStop:
	case eventLost:
		v.summary.Lost += rec.Lost
		v.find(p, Loss, "the gateway could not write %s before this line", plural.Of(rec.Lost, "record"))
	case eventDropped:
		v.dropped(p)
	case "", eventBegin:
		v.decision(p)
	default:
		v.event(p)
	}
}

// event looks at a line of one of the other kinds.
func (v *Verifier) event(p place) {
	if !slices.Contains(kinds, EventKind(p.rec.Event)) {
		v.find(p, Unreadable, "there is no event %q", p.rec.Event)
		return
	}
	v.summary.Events++
	if p.rec.Event == string(Refused) {
		v.summary.Summarized += p.rec.Count
	}
}

// strict reads one JSON object and nothing behind it.
func strict(text []byte, into *verified) error {
	if !bytes.HasPrefix(text, []byte("{")) {
		return fmt.Errorf("it does not begin with %q", "{")
	}
	return rawjson.Decode(text, into)
}

// number checks the line's place in the sequence of its instance, and reports
// whether it is right.
func (v *Verifier) number(p place) (right bool) {
	before := v.summary.Findings
	defer func() { right = v.summary.Findings == before }()
	r := p.rec
	in, known := v.instances[r.Instance]
	if !known {
		in = &instance{open: map[string]bool{}}
		v.instances[r.Instance] = in
	}
	switch {
	case !known && r.Seq > 1 && v.earlier:
	case !known && (r.Seq > 1 || r.Event != eventStart):
		v.find(p, Gap, "the first line of instance %q is number %d and no start line: earlier ones are missing", r.Instance, r.Seq)
	case known && r.Seq <= in.last:
		v.find(p, Repeated, "instance %q has number %d again, after %d", r.Instance, r.Seq, in.last)
		return false
	case known && r.Seq > in.last+1:
		v.find(p, Gap, "instance %q goes on with number %d after %d: %s missing", r.Instance, r.Seq, in.last, plural.Of(r.Seq-in.last-1, "line is", "lines are"))
	case known && (r.Event == eventStart || in.stopped):
		v.find(p, Repeated, "instance %q starts twice or goes on after its end", r.Instance)
	}
	in.last = r.Seq
	in.follow(r)
	return right
}

// follow notes which calls run.
func (in *instance) follow(r *verified) {
	switch r.Event {
	case eventStop:
		in.stopped = true
	case eventBegin:
		in.open[r.CallID] = true
	case "":
		delete(in.open, r.CallID)
	}
}

// decision decides again.
func (v *Verifier) decision(p place) {
	r := p.rec
	if r.Step == "" {
		// Nothing was decided: it was not clear who asked, or for what, or the
		// question needs no rule.
		if r.Decision == Deny || r.Event == eventBegin || r.Decision == Allow && r.Server+r.Tool+r.Resource+r.Prompt != "" {
			v.find(p, Decided, "%s without a step", quoted(string(r.Decision)))
		}
		return
	}
	decide, ok := v.rules[r.PolicyHash]
	switch {
	case !ok:
		v.summary.Other++
		return
	case slices.ContainsFunc([]string{r.AgentID, r.Server, r.Tool, r.Resource, r.Prompt}, wasCut), hadPassword(r.Resource):
		v.summary.Unchecked++
		return
	}
	v.summary.Checked++
	allow, step, rule := decide(&r.Record)
	should := Deny
	if allow {
		should = Allow
	}
	if r.Decision != should || r.Step != step || r.Rule != cut(rule) {
		v.find(p, Decided, "it says %s, the rules say %s", ruling(r.Decision, r.Step, r.Rule), ruling(should, step, rule))
	}
}

// ruling words a decision.
func ruling(d Decision, step, rule string) string {
	s := quoted(string(d)) + " by " + quoted(step)
	if rule != "" {
		s += " (" + quoted(rule) + ")"
	}
	return s
}

// quoted quotes a text unless it is a plain word.
func quoted(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_.-[]*", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return fmt.Sprintf("%q", s)
}

func (v *Verifier) find(p place, kind Kind, format string, args ...any) {
	v.summary.Findings++
	// That the next line names another one before it is then no news.
	v.chain.broken = v.chain.broken || slices.Contains([]Kind{Decided, Unreadable, Truncated, Repeated}, kind)
	f := Finding{File: p.file, Line: p.line, Kind: kind, Message: fmt.Sprintf(format, args...)}
	if p.rec != nil {
		f.Instance, f.Seq = p.rec.Instance, p.rec.Seq
	}
	v.report(f)
}

// Summary counts what was looked at so far.
func (v *Verifier) Summary() Summary {
	s := v.summary
	s.Instances = len(v.instances)
	return s
}

// Notes returns, sorted, what the lines leave open: which instances have no end,
// and which of their calls may have run.
func (v *Verifier) Notes() []string {
	notes := []string{}
	for _, name := range slices.Sorted(maps.Keys(v.instances)) {
		in := v.instances[name]
		if in.stopped {
			continue
		}
		note := fmt.Sprintf("instance %q has no stop line: it runs still, was killed, or its end is missing", name)
		if n := len(in.open); n > 0 {
			note += fmt.Sprintf("; calls that began and may have run: %d, such as %q", n, slices.Min(slices.Collect(maps.Keys(in.open))))
		}
		notes = append(notes, note)
	}
	return notes
}

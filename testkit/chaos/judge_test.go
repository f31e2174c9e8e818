//go:build linux

package chaos_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"gatehouse/testkit"
)

// slow calls are worth a look; they are no failures.
const slow = 15 * time.Second

// logLag is by how much the log may tell of something after it has had an effect: the
// journal writes when it has its turn, on a busy machine seconds later.
const logLag = 10 * time.Second

// judge checks each call, each death and each start against what was done.
func (w *world) judge() {
	w.t.Helper()
	e := w.evidence()
	codes := map[string]int{}
	for _, c := range w.calls {
		code, why := e.verdict(c)
		codes[code]++
		if why != "" {
			w.t.Errorf("%s\n\t%s: %s\n\t%s", c, code, why, e.told(c))
		} else if c.ended.Sub(c.started) > slow {
			w.t.Logf("slow: %s\n\t%s\n\t%s", c, code, e.told(c))
		}
	}
	for why, lines := range e.wrongDeaths() {
		w.t.Errorf("%s:\n\t%s", why, strings.Join(lines, "\n\t"))
	}
	for _, why := range e.wrongStarts() {
		w.t.Error(why)
	}
	if codes["good"] == 0 {
		w.t.Error("no call was good: this proves nothing")
	}
	w.t.Logf("%d calls: %v; %d deaths, %d reloads, %d rejected", len(w.calls), codes,
		w.g.Count(0, "server crashed"), w.g.Count(0, "config applied"), w.g.Count(0, "config rejected"))
}

// evidence is what the gateway and the servers wrote down.
type evidence struct {
	w       *world
	lines   []testkit.Line
	ran     map[string][]testkit.Recorded
	heard   map[string]bool // requests of which a server heard that they are cancelled
	audit   map[string][]auditLine
	summed  map[string]int // refused calls that have no line of their own, by agent
	applied map[int]int    // generation to version of .mcp.json
	lost    map[string]bool
	crowd   []testkit.Line  // deaths with more calls than are named
	endless map[string]bool // servers that once were made to write an endless line
}

type auditLine struct {
	Event      string `json:"event"`
	CallID     string `json:"call_id"`
	Operation  string `json:"operation"`
	Generation int    `json:"generation"`
	PolicyHash string `json:"policy_hash"`
	Decision   string `json:"decision"`
	AgentID    string `json:"agent_id"`
	Count      int    `json:"count"`
}

func (w *world) evidence() *evidence {
	w.t.Helper()
	e := &evidence{w: w, endless: map[string]bool{}}
	for _, c := range w.calls {
		if c.args["kind"] == "endless" {
			e.endless[c.server] = true
		}
	}
	e.awaitCancellations()
	e.awaitDeaths()
	testkit.Eventually(w.t, "every answered call is in the audit log", func() bool {
		e.audit, e.summed = w.readAudit()
		return e.allAudited()
	})
	return e
}

// allAudited reports whether each answered call is in the audit log. Calls that
// are refused faster than it takes full lines are counted there, each once, with
// those whose callers gave up.
func (e *evidence) allAudited() bool {
	without, unanswered := map[string]int{}, map[string]int{}
	for _, c := range e.w.calls {
		switch id := callID(c); {
		case id == "":
			unanswered[c.agent]++
		case len(e.audit[id]) > 0:
		case summable(c):
			without[c.agent]++
		default:
			return false
		}
	}
	for agent, n := range without {
		if e.summed[agent] < n {
			return false
		}
	}
	for agent, n := range e.summed {
		if n > without[agent]+unanswered[agent] {
			e.w.t.Errorf("the audit log counts %d refused calls of %s without lines, want at most the %d without, and %d without an answer",
				n, agent, without[agent], unanswered[agent])
		}
	}
	return true
}

// summable reports whether a call was refused by the gateway itself, so that its
// line may be one with others'.
func summable(c *call) bool {
	f := c.failure()
	return f != nil && slices.Contains([]string{
		"DENIED_BY_POLICY", "RATE_LIMITED", "CALL_BLOCKED", "RULES_UNREADABLE", "CONFIG_STALE", "INVALID_ARGUMENT", "SERVER_NOT_FOUND", "TOOL_NOT_FOUND",
	}, f.Code)
}

// request names a request of one process.
func request(r testkit.Recorded) string { return fmt.Sprintf("%d %s", r.PID, r.Request) }

// awaitCancellations reads the record once each server that must hear of the end of a
// call has: nobody waits for that, so it may be later than all that was asked since.
func (e *evidence) awaitCancellations() {
	e.w.t.Helper()
	var missing *call
	defer func() {
		if missing != nil {
			e.w.t.Logf("its server never heard that it was cancelled: %s", missing)
		}
	}()
	testkit.Eventually(e.w.t, "the servers hear of the calls that nobody waits for", func() bool {
		e.readRecord()
		missing = nil
		for _, c := range e.w.calls {
			if c.abandoned() && e.unheard(c) {
				missing = c
			}
		}
		return missing == nil
	})
}

// readRecord finds which calls ran, and of which a server heard that they are cancelled.
func (e *evidence) readRecord() {
	record := testkit.Record(e.w.t, e.w.record)
	e.ran, e.heard = testkit.Calls(record), map[string]bool{}
	for _, r := range record {
		if r.Event == "cancelled" {
			e.heard[request(r)] = true
		}
	}
}

// abandoned reports whether its caller gave the call up and got no answer.
func (c *call) abandoned() bool { return c.giveUp != "" && (c.err != nil || len(c.got) == 0) }

// unheard reports whether the server of a call that nobody waits for, which would run
// on without it, was not told.
func (e *evidence) unheard(c *call) bool {
	k, ran := kinds[c.server], e.ran[c.id]
	return c.tool == "hang" && len(ran) > 0 && !k.hurt && !k.changed && !e.heard[request(ran[0])]
}

// awaitDeaths reads the log once it tells of each death that a call has been answered
// with: the answer is there before the process is gone.
func (e *evidence) awaitDeaths() {
	var missing *call
	defer func() {
		if missing != nil {
			e.w.t.Logf("no death in the log names %s\n\t%s", missing, e.told(missing))
		}
	}()
	testkit.Eventually(e.w.t, "the log tells of the deaths that calls were answered with", func() bool {
		e.readLog()
		missing = nil
		for _, c := range e.w.calls {
			if f := c.failure(); f != nil && f.Code == "SERVER_CRASHED" && !e.diedOf(c, f) {
				missing = c
			}
		}
		return missing == nil
	})
}

// readLog finds which version each generation has, and which calls ran when
// their server died.
func (e *evidence) readLog() {
	e.lines, e.applied, e.lost, e.crowd = e.w.g.Log.Lines(), map[int]int{}, map[string]bool{}, nil
	for _, l := range e.lines {
		switch l.Msg {
		case "config applied":
			for _, name := range l.Strs("added") {
				var version int
				if _, err := fmt.Sscanf(name, "version-%d", &version); err == nil {
					e.applied[l.Int("generation")] = version
				}
			}
		case "server crashed":
			named, _ := l.Attrs["calls"].([]any)
			for _, one := range named {
				if m, ok := one.(map[string]any); ok {
					e.lost[fmt.Sprint(m["call_id"])] = true
				}
			}
			if l.Int("in_flight") > len(named) {
				e.crowd = append(e.crowd, l)
			}
		}
	}
}

// readAudit returns the lines on the ends of calls by call_id.
func (w *world) readAudit() (byCall map[string][]auditLine, summed map[string]int) {
	w.t.Helper()
	content, err := os.ReadFile(w.g.AuditFile)
	check(w.t, err)
	byCall, summed = map[string][]auditLine{}, map[string]int{}
	for line := range strings.Lines(string(content)) {
		var a auditLine
		if json.Unmarshal([]byte(line), &a) != nil {
			continue
		}
		switch {
		case a.Event == "refused":
			summed[a.AgentID] += a.Count
		case a.Event == "" && a.Operation == "execute_tool":
			byCall[a.CallID] = append(byCall[a.CallID], a)
		}
	}
	return byCall, summed
}

func callID(c *call) string {
	if f := c.failure(); f != nil {
		return f.CallID
	}
	if r := c.result(); r != nil {
		return r.Meta.CallID
	}
	return ""
}

func generation(c *call) int {
	if f := c.failure(); f != nil {
		return f.Generation
	}
	return c.result().Meta.Generation
}

// serversAt is the version of .mcp.json that a generation has.
func (e *evidence) serversAt(generation int) serverFile {
	for _, g := range slices.Backward(slices.Sorted(maps.Keys(e.applied))) {
		if g <= generation {
			return e.w.allServers[e.applied[g]]
		}
	}
	return serverFile{}
}

// verdict names what a call got, and says what is wrong with it.
func (e *evidence) verdict(c *call) (code, why string) {
	times := len(e.ran[c.id])
	switch {
	case c.ended.IsZero():
		return "none", "it never ended"
	case times > 1:
		return "twice", fmt.Sprintf("it ran %d times", times)
	case c.abandoned():
		return "cancelled", "" // Its server has heard of it: see awaitCancellations.
	case c.err != nil:
		return "error", c.err.Error()
	case len(c.got) != 1 || c.result() == nil:
		return "answers", fmt.Sprintf("%d messages came, of them this: %+v", len(c.got), c.got)
	}
	if why := e.decided(c); why != "" {
		return "decision", why
	}
	if f := c.failure(); f != nil {
		return f.Code, e.refused(c, f, times)
	}
	if c.result().IsError {
		if c.tool != "fail" {
			return "isError", "it is none of the server's"
		}
		return "isError", ranOnce(times)
	}
	return "good", e.good(c, times)
}

func ranOnce(times int) string {
	if times != 1 {
		return fmt.Sprintf("it ran %d times", times)
	}
	return ""
}

// summedUp checks the decision on a call that has no line of its own, which would
// name the rules: some that were in force must say the same.
func (e *evidence) summedUp(c *call) string {
	if servers := e.serversAt(generation(c)); servers.version < c.floorServers {
		return fmt.Sprintf("decided by servers %d when %d were in force", servers.version, c.floorServers)
	}
	denied := c.failure().Code == "DENIED_BY_POLICY"
	for _, rules := range e.w.allRules {
		if rules.version >= c.floorRules && rules.allows(c.agent, c.server, c.tool) != denied {
			return ""
		}
	}
	return fmt.Sprintf("no rules from %d on say that it is denied=%v", c.floorRules, denied)
}

// decided checks the decision by the generation that the answer names, and
// that this is no older than what was known to be in force.
func (e *evidence) decided(c *call) string {
	audited := e.audit[callID(c)]
	if len(audited) == 0 && summable(c) {
		return e.summedUp(c)
	}
	if len(audited) != 1 {
		return fmt.Sprintf("the audit log tells of it %d times", len(audited))
	}
	a, g := audited[0], generation(c)
	if a.Generation != g {
		return fmt.Sprintf("generation %d, in the audit log %d", g, a.Generation)
	}
	rules, known := e.w.allRules[a.PolicyHash]
	if !known {
		return "decided by rules that nobody wrote: " + a.PolicyHash
	}
	if rules.version < c.floorRules {
		return fmt.Sprintf("decided by rules %d when %d were in force", rules.version, c.floorRules)
	}
	servers := e.serversAt(g)
	if servers.version < c.floorServers {
		return fmt.Sprintf("decided by servers %d when %d were in force", servers.version, c.floorServers)
	}
	code := ""
	if f := c.failure(); f != nil {
		code = f.Code
	}
	if want := rules.allows(c.agent, c.server, c.tool); want == (code == "DENIED_BY_POLICY") {
		return fmt.Sprintf("rules %d say allowed=%v, the answer is %q", rules.version, want, code)
	}
	_, here := servers.tags[c.server]
	if code != "DENIED_BY_POLICY" && here == (code == "SERVER_NOT_FOUND") {
		return fmt.Sprintf("servers %d have it: %v; the answer is %q", servers.version, here, code)
	}
	return ""
}

// good checks that a good result comes from the entry by which it was decided.
func (e *evidence) good(c *call, times int) string {
	switch c.tool {
	case "fail", "rpcerror", "nosuch", "hang":
		return "this cannot be good"
	}
	want := tagOf(c.server, e.serversAt(generation(c)).tags[c.server])
	if got := c.result().Meta.Tag; c.tool != "big" && got != want {
		return fmt.Sprintf("it ran on %s instead of %s", got, want)
	}
	return ranOnce(times)
}

// refused checks that the gateway had a reason for a failure, and that it does
// not deny what ran.
func (e *evidence) refused(c *call, f *failure, times int) string {
	if times > 0 && !f.MayHaveRun && f.Code != "SERVER_ERROR" {
		return "it ran, and the answer says that it did not"
	}
	k := kinds[c.server]
	allowed := false
	switch f.Code {
	case "DENIED_BY_POLICY", "SERVER_NOT_FOUND":
		allowed = true // decided has checked it.
	case "TOOL_NOT_FOUND":
		allowed = c.tool == "nosuch"
	case "SERVER_ERROR":
		// An answer that begins behind an endless line cannot be read.
		allowed = c.tool == "rpcerror" || c.tool == "nosuch" || e.endless[c.server]
	case "TIMEOUT":
		allowed = c.late()
	case "SERVER_UNAVAILABLE":
		// The others are waited for as long as the call has time.
		allowed = k.brittle || k.ghost || c.late() && (k.hurt || k.changed || k.lazy)
	case "SERVER_CRASHED":
		allowed = k.hurt && e.diedOf(c, f)
	case "CALL_BLOCKED":
		allowed = k.hurt && e.blocked(c)
	case "OVERLOADED":
		allowed = k.narrow
	case "RESULT_TOO_LARGE":
		size, _ := c.args["bytes"].(int)
		// An answer that follows an endless line is part of that line.
		allowed = k.narrow && size > narrowResult-1024 || e.endless[c.server]
	case "CANCELLED":
		allowed = c.giveUp != "" || e.cutOff(c, f)
	}
	if !allowed {
		return "there is no reason for it"
	}
	return ""
}

// late reports whether the call had used up its time.
func (c *call) late() bool {
	limit := c.timeoutMS
	if limit == 0 && kinds[c.server].hurt {
		limit = hurtCallTimeout
	}
	return limit > 0 && c.ended.Sub(c.started) >= time.Duration(limit)*time.Millisecond
}

// blocked reports whether the log says that calls of its agent, or of all agents
// at its address, had ended the server so often that they are refused.
func (e *evidence) blocked(c *call) bool {
	return slices.ContainsFunc(e.lines, func(l testkit.Line) bool {
		return l.Msg == "caller blocked" && l.Str("server") == c.server && slices.Contains([]string{"", c.agent}, l.Str("agent")) && l.Time.Before(c.ended.Add(logLag))
	})
}

// diedOf reports whether the log of a death names the call, or could not.
func (e *evidence) diedOf(c *call, f *failure) bool {
	return e.lost[f.CallID] || slices.ContainsFunc(e.crowd, func(l testkit.Line) bool {
		return l.Str("server") == c.server && !l.Time.Before(c.started)
	})
}

// cutOff reports whether the server was changed while the call ran, so that the
// end of the drain, or of waiting for a server that hangs, may have ended it: a drain
// can be short.
func (e *evidence) cutOff(c *call, f *failure) bool {
	k := kinds[c.server]
	if !k.changed || !k.hasty && !c.late() {
		return false
	}
	tag := e.serversAt(f.Generation).tags[c.server]
	return slices.ContainsFunc(e.lines, func(l testkit.Line) bool {
		return l.Msg == "config applied" && l.Int("generation") > f.Generation && l.Time.Before(c.ended.Add(logLag)) &&
			e.serversAt(l.Int("generation")).tags[c.server] != tag
	})
}

// told is what came for a call, and what the log says of it.
func (e *evidence) told(c *call) string {
	var s strings.Builder
	if f := c.failure(); f != nil {
		fmt.Fprintf(&s, "%+v", *f)
	}
	id := callID(c)
	for _, l := range e.lines {
		near := l.Str("server") == c.server && !l.Time.Before(c.started) && !l.Time.After(c.ended.Add(time.Second)) && l.Msg != "server stderr"
		if near || id != "" && l.Str("call_id") == id {
			if s.Len() < 4000 {
				s.WriteString("\n\t\t" + l.Raw[:min(len(l.Raw), 400)])
			}
		}
	}
	return s.String()
}

// wrongDeaths finds the deaths that nobody caused.
func (e *evidence) wrongDeaths() map[string][]string {
	wrong := map[string][]string{}
	for _, l := range e.lines {
		k, ours := kinds[l.Str("server")]
		if l.Msg == "server crashed" && ours && !k.hurt && !k.ghost {
			wrong["a server died though nobody hurt it"] = append(wrong["a server died though nobody hurt it"], l.Raw)
		}
		if l.Level == "ERROR" && l.Msg != "config rejected" && l.Msg != "server quarantined" {
			wrong["the gateway logged an error"] = append(wrong["the gateway logged an error"], l.Raw)
		}
	}
	return wrong
}

// wrongStarts finds processes that were started though nothing asked for it:
// a server that nobody hurts has one process for each entry it ever had.
func (e *evidence) wrongStarts() []string {
	starts, entries := map[string]int{}, map[string]map[int]bool{}
	for _, l := range e.lines {
		if l.Msg == "server ready" {
			starts[l.Str("server")]++
		}
	}
	for _, version := range e.applied {
		for name, tag := range e.w.allServers[version].tags {
			if entries[name] == nil {
				entries[name] = map[int]bool{}
			}
			entries[name][tag] = true
		}
	}
	var wrong []string
	for _, name := range calmNames {
		if !kinds[name].lazy && starts[name] > len(entries[name]) {
			wrong = append(wrong, fmt.Sprintf("%s was started %d times for %d entries", name, starts[name], len(entries[name])))
		}
	}
	return wrong
}

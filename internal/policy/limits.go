package policy

import "slices"

// Limit is one number of "limits" and where it is written. The zero Limit is
// none.
type Limit struct {
	// N is always above 0, but in rules that are not merged yet: there 0 with a
	// position is a null, which lifts what would be inherited.
	N    int64
	Path string
	Pos  Position
}

// Written reports whether the rules say anything, null included.
func (l Limit) Written() bool { return l.Pos.Line != 0 }

// Amounts are how much may be used.
type Amounts struct {
	// CallsPerMinute is how fast calls may go on, and Burst how many may come at
	// once after a pause; without Burst as many as in a minute.
	CallsPerMinute, Burst Limit
	// Concurrent is how many calls may run at once.
	Concurrent Limit
	// ResultBytesPerHour is how many bytes of servers' answers may be had.
	ResultBytesPerHour Limit
}

// LimitKeys are the names of the limits, in the order of Amounts.All.
var LimitKeys = []string{"calls_per_minute", "burst", "concurrent", "result_bytes_per_hour"}

// All are the limits, in the order of LimitKeys.
func (a *Amounts) All() []*Limit {
	return []*Limit{&a.CallsPerMinute, &a.Burst, &a.Concurrent, &a.ResultBytesPerHour}
}

// Inherit takes over what is not written.
func (a *Amounts) Inherit(from Amounts) {
	own, other := a.All(), from.All()
	for i := range own {
		if !own[i].Written() {
			*own[i] = *other[i]
		}
	}
}

// Settle drops what is written as null, as there is nothing left to inherit, and a
// burst of nothing. It reports whether any limit remains.
func (a *Amounts) Settle() (some bool) {
	if a.CallsPerMinute.N == 0 {
		a.Burst = Limit{}
	}
	for _, l := range a.All() {
		if l.N == 0 {
			*l = Limit{}
		}
		some = some || l.N > 0
	}
	return some
}

// BurstOrAll is how many calls may come at once.
func (a *Amounts) BurstOrAll() int64 {
	if a.Burst.N > 0 {
		return a.Burst.N
	}
	return a.CallsPerMinute.N
}

// Limits are how much an agent may use. What matches together counts together.
type Limits struct {
	Amounts

	// PerTool are limits of some tools, in the order in which they are written.
	// A call counts for all that match it.
	PerTool []ToolLimits
	// ToolsLifted means that no more of PerTool is inherited.
	ToolsLifted bool
}

// ToolLimits are how much of the tools that two patterns match may be used, all
// of them together.
type ToolLimits struct {
	Server, Tool Rule
	Amounts
}

// Matches reports whether a call of the tool counts.
func (t *ToolLimits) Matches(server, tool string) bool {
	return MatchPattern(t.Server.Pattern, server) && MatchPattern(t.Tool.Pattern, tool)
}

// Inherit takes over what is not written: key by key, also for the same two
// patterns of PerTool.
func (l *Limits) Inherit(from Limits) {
	l.Amounts.Inherit(from.Amounts)
	if l.ToolsLifted {
		return
	}
	own := len(l.PerTool)
	for _, t := range from.PerTool {
		known := false
		for i := range l.PerTool[:own] {
			if mine := &l.PerTool[i]; mine.Server.Pattern == t.Server.Pattern && mine.Tool.Pattern == t.Tool.Pattern {
				mine.Inherit(t.Amounts)
				known = true
			}
		}
		if !known {
			l.PerTool = append(l.PerTool, t)
		}
	}
	l.ToolsLifted = from.ToolsLifted
}

// Settle drops what is written as null, as there is nothing left to inherit. It
// reports whether any limit remains.
func (l *Limits) Settle() bool {
	some := l.Amounts.Settle()
	var left []ToolLimits
	for _, t := range l.PerTool {
		if t.Settle() {
			left = append(left, t)
		}
	}
	l.PerTool, l.ToolsLifted = left, false
	return some || len(left) > 0
}

// Limits returns how much an agent of the rules may use, nil if nothing limits it.
// The caller must not change it. It does not allocate.
func (p *Policy) Limits(agent string) *Limits { return p.limits[agent] }

// Counts says how many agents and roles the rules have, and how many agents have
// limits.
type Counts struct{ Agents, Roles, Limited int }

// Counts returns how many there are.
func (p *Policy) Counts() Counts { return Counts{len(p.agents), p.roles, len(p.limits)} }

// LimitRef is a limit that a call counts for, and where it is written.
type LimitRef struct {
	Key string `json:"key"`
	N   int64  `json:"n"`
	// Server and Tool are the patterns of an entry of per_tool.
	Server string `json:"server,omitempty"`
	Tool   string `json:"tool,omitempty"`
	Path   string `json:"path"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Refs lists the limits that calls of a tool count for; without a tool, of any tool
// of the server. A nil Limits has none.
func (l *Limits) Refs(server, tool string) []LimitRef {
	list := l.general()
	if l == nil {
		return list
	}
	for i := range l.PerTool {
		t := &l.PerTool[i]
		if MatchPattern(t.Server.Pattern, server) && (tool == "" || MatchPattern(t.Tool.Pattern, tool)) {
			list = appendRefs(list, &t.Amounts, t.Server.Pattern, t.Tool.Pattern)
		}
	}
	return list
}

// RefsOf lists the limits that what a question is about counts for: per_tool is about
// tools only.
func (l *Limits) RefsOf(q Question) []LimitRef {
	switch q.Kind {
	case Resources, Prompts:
		return l.general()
	case Servers:
		return l.Refs(q.Server, "")
	case Tools:
	}
	return l.Refs(q.Server, q.Name)
}

// general lists the limits of all calls.
func (l *Limits) general() []LimitRef {
	list := []LimitRef{}
	if l == nil {
		return list
	}
	return appendRefs(list, &l.Amounts, "", "")
}

func appendRefs(list []LimitRef, a *Amounts, server, tool string) []LimitRef {
	for i, one := range a.All() {
		if one.N > 0 {
			list = append(list, LimitRef{LimitKeys[i], one.N, server, tool, one.Path, one.Pos.File, one.Pos.Line, one.Pos.Column})
		}
	}
	return list
}

// compileLimits keeps the limits of the agents that have any, and their roles.
func (p *Policy) compileLimits(r Rules) {
	p.roles = len(r.Roles)
	for _, a := range r.Agents {
		if len(a.Roles) > 0 {
			if p.rolesOf == nil {
				p.rolesOf = map[string][]string{}
			}
			p.rolesOf[a.ID] = slices.Clone(a.Roles)
		}
		limits := a.Limits
		limits.PerTool = append([]ToolLimits(nil), limits.PerTool...)
		if !limits.Settle() {
			continue
		}
		if p.limits == nil {
			p.limits = map[string]*Limits{}
		}
		p.limits[a.ID] = &limits
	}
}

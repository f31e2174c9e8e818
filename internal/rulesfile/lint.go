package rulesfile

import (
	"slices"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// Lint finds rules that can never matter: without any one of them the rules
// would answer every question the same. It also names rules that promise more than
// they keep. It returns warnings and infos only, sorted by position. Whatever it says is certain; it looks at one other
// rule at a time, so it does not find everything.
//
// The time is bounded: with very many patterns it stops looking and says so.
// It is for people who check a file, not for every reload.
func Lint(rules policy.Rules) []jsondoc.Problem {
	l := linter{Report: jsondoc.NewReport(rules.File), left: lintWork, said: map[policy.Position]bool{}, told: map[policy.Position]bool{}, roles: newRoleFindings(rules)}
	for i := range rules.Agents {
		if l.left <= 0 {
			break
		}
		l.agent(&rules.Agents[i])
		l.roles.next()
	}
	l.sayOfRoles()
	l.unusedRoles(rules)
	if l.left <= 0 {
		l.Add(policy.Position{File: rules.File}, jsondoc.Info, "", codeLintIncomplete,
			"", "there are too many patterns to compare each with each: some rules without effect may not be named")
	}
	return l.Finish()
}

// Codes of what Lint finds.
const (
	codeLintDuplicate   = "rules-duplicate"
	codeLintRedundant   = "rules-redundant"
	codeLintBeaten      = "rules-never-allows"
	codeLintUnreachable = "rules-unreachable-server"
	codeLintIdleDeny    = "rules-idle-deny"
	codeLintIncomplete  = "rules-lint-incomplete"
	codeLintExpose      = "rules-exposes-nothing"
	codeLintWord        = "rules-servers-word"
	codeLintNoFence     = "rules-deny-is-no-fence"
	codeLintWildcard    = "rules-not-a-wildcard"
)

// lintWork is how many pairs of patterns are compared for one file; long ones
// count more.
const lintWork = 4_000_000

type linter struct {
	*jsondoc.Report
	left int
	said map[policy.Position]bool // one reason for each rule is enough
	told map[policy.Position]bool // rules about which there is something to know
	// roles are findings about rules of roles.
	roles roleFindings
}

// spend reports whether two patterns may still be compared.
func (l *linter) spend(p, q string, each int) bool {
	l.left -= 1 + (len(p)+len(q))/64*each
	return l.left > 0
}

func (l *linter) covers(p, q string, how covering) bool { return l.spend(p, q, 1) && how(p, q) }

func (l *linter) agent(a *policy.Agent) {
	deny := newCover(a.Deny.Servers)
	for _, r := range a.Allow.Servers {
		if l.left <= 0 {
			return
		}
		if d, ok := l.coveredBy(deny, r.Pattern, policy.Covers); ok {
			l.say(r, jsondoc.Warning, codeLintBeaten, "remove one of the two",
				"never allows anything: %s denies every server that it matches", d.Path)
		}
	}
	l.repeated(newCover(a.Allow.Servers), policy.Covers)
	l.repeated(deny, policy.Covers)
	for _, r := range a.Deny.Servers {
		if l.left <= 0 {
			return
		}
		if !l.overlaps(a.Allow.Servers, r.Pattern) {
			l.say(r, jsondoc.Info, codeLintIdleDeny, "that is fine as a precaution",
				"denies nothing now: nothing in allow.servers matches a server that it matches")
		}
	}
	for _, kind := range policy.Listed {
		l.listed(a, kind, deny)
	}
	l.exposed(a, deny)
	l.widening(a)
}

// listed looks at an agent's rules by server for things of a kind.
func (l *linter) listed(a *policy.Agent, kind policy.Kind, denyServers cover) {
	allow, deny := newListCover(a.Allow.Of(kind)), newListCover(a.Deny.Of(kind))
	for _, t := range deny.keys {
		if l.reachable(a, kind.Plural(), denyServers, t.Server) {
			l.repeatedIn(t, deny, l.of(kind, policy.CoversDeny))
		}
	}
	for _, t := range allow.keys {
		if !l.reachable(a, kind.Plural(), denyServers, t.Server) {
			continue
		}
		for _, r := range t.Rules {
			if l.left <= 0 {
				return
			}
			if d, ok := l.pair(deny, t.Server.Pattern, r.Pattern, l.of(kind, policy.DenyCovers)); ok {
				l.say(r, jsondoc.Warning, codeLintBeaten, "remove one of the two",
					"never allows anything: %s denies every %s that it matches", d.Path, kind)
			}
		}
		l.repeatedIn(t, allow, l.of(kind, policy.CoversAllow))
	}
	l.trusted(a, kind)
}

// reachable warns of a key for servers that the agent cannot use, and says
// whether its rules are worth a closer look.
func (l *linter) reachable(a *policy.Agent, list string, denied cover, key policy.Rule) bool {
	if d, ok := l.coveredBy(denied, key.Pattern, policy.Covers); ok {
		l.say(key, jsondoc.Warning, codeLintUnreachable, "remove one of the two",
			"has no effect: %s denies every server that it matches", d.Path)
		return false
	}
	if !l.overlaps(a.Allow.Servers, key.Pattern) {
		l.say(key, jsondoc.Warning, codeLintUnreachable, "add the server to allow.servers: a key of "+list+" opens none",
			"has no effect: nothing in allow.servers matches a server that it matches")
		return false
	}
	return true
}

// overlaps reports false only if no rule has a name in common with the
// pattern. Without time left it says true.
func (l *linter) overlaps(rules []policy.Rule, pattern string) bool {
	return slices.ContainsFunc(rules, func(r policy.Rule) bool {
		return !l.spend(r.Pattern, pattern, min(len(pattern), len(r.Pattern))) || policy.Overlap(r.Pattern, pattern)
	})
}

// repeated finds rules of one list that another one makes superfluous.
func (l *linter) repeated(c cover, how covering) {
	for i, r := range c.rules {
		if l.left <= 0 {
			return
		}
		if first := c.exact[r.Pattern]; first != i {
			l.duplicate(r, c.rules[first])
			continue
		}
		for _, j := range c.wide {
			if by := c.rules[j]; j != i && l.covers(by.Pattern, r.Pattern, how) && (j < i || !l.covers(r.Pattern, by.Pattern, how)) {
				l.redundant(r, by)
				break
			}
		}
	}
}

// repeatedIn finds rules under one key that another one, under this key or
// another, makes superfluous.
func (l *linter) repeatedIn(t policy.ServerRules, all listCover, how covering) {
	own := newCover(t.Rules)
	l.repeated(own, how)
	for i, r := range t.Rules {
		if l.left <= 0 {
			return
		}
		if own.exact[r.Pattern] != i || l.wideIn(own, i, how) {
			continue
		}
		for _, key := range all.candidates(t.Server.Pattern) {
			k := all.keys[key].Server
			if k.Pattern == t.Server.Pattern || !l.covers(k.Pattern, t.Server.Pattern, policy.Covers) {
				continue
			}
			// Of two keys that match the same servers the first stays.
			if l.covers(t.Server.Pattern, k.Pattern, policy.Covers) && key > all.index[t.Server.Pattern] {
				continue
			}
			if by, ok := l.coveredBy(all.lists[key], r.Pattern, how); ok {
				l.redundant(r, by)
				break
			}
		}
	}
}

// wideIn reports whether another rule of the list covers rule i.
func (l *linter) wideIn(c cover, i int, how covering) bool {
	return slices.ContainsFunc(c.wide, func(j int) bool { return j != i && l.covers(c.rules[j].Pattern, c.rules[i].Pattern, how) })
}

func (l *linter) duplicate(r, first policy.Rule) {
	l.say(r, jsondoc.Warning, codeLintDuplicate, "remove it", "says the same as %s", first.Path)
}

func (l *linter) redundant(r, by policy.Rule) {
	l.say(r, jsondoc.Info, codeLintRedundant, "remove it, or the wider one if that is not meant",
		"adds nothing: %s matches all that it matches", by.Path)
}

func (l *linter) say(r policy.Rule, s jsondoc.Severity, code, hint, format string, args ...any) {
	if l.roles.note(r, func() { l.Add(r.Pos, s, r.Path, code, hint, format, args...) }) {
		return
	}
	if !l.said[r.Pos] {
		l.said[r.Pos] = true
		l.Add(r.Pos, s, r.Path, code, hint, format, args...)
	}
}

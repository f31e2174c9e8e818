package rulesfile

import (
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// exposed warns of what is exposed in vain, as the agent may use nothing of it.
func (l *linter) exposed(a *policy.Agent, denyServers cover) {
	allow, deny := newListCover(a.Allow.Tools), newListCover(a.Deny.Tools)
	for _, t := range a.Expose {
		if !l.reachable(a, "expose", denyServers, t.Server) {
			continue
		}
		for _, r := range t.Rules {
			if l.left <= 0 {
				return
			}
			if d, ok := l.pair(deny, t.Server.Pattern, r.Pattern, l.of(policy.Tools, policy.DenyCovers)); ok {
				l.say(r, jsondoc.Warning, codeLintExpose, "remove one of the two", "exposes nothing: %s denies every tool that it matches", d.Path)
			} else if l.keyCovered(allow, t.Server.Pattern) && !l.mayAllow(a, policy.Tools, t.Server.Pattern, r.Pattern) {
				l.say(r, jsondoc.Warning, codeLintExpose, "allow the tool, too: what is exposed must be allowed", "exposes nothing: nothing in allow.tools matches a tool that it matches")
			}
		}
	}
}

// keyCovered reports whether one key matches all servers that another matches.
func (l *linter) keyCovered(c listCover, key string) bool {
	return slices.ContainsFunc(c.candidates(key), func(i int) bool { return l.covers(c.keys[i].Server.Pattern, key, policy.Covers) })
}

// mayAllow reports false only if no rule of the agent's lists allows a name that the
// pattern matches, on a server that the key matches.
func (l *linter) mayAllow(a *policy.Agent, kind policy.Kind, key, pattern string) bool {
	return slices.ContainsFunc(a.Allow.Of(kind), func(t policy.ServerRules) bool {
		return l.overlaps([]policy.Rule{t.Server}, key) && slices.ContainsFunc(t.Rules, func(r policy.Rule) bool {
			return !l.spend(r.Pattern, pattern, min(len(pattern), len(r.Pattern))) || policy.MayMatch(kind, r.Pattern, pattern)
		})
	})
}

// trusted tells of rules that rest on what a server says or does.
func (l *linter) trusted(a *policy.Agent, kind policy.Kind) {
	for _, t := range slices.Concat(a.Allow.Of(kind), a.Deny.Of(kind)) {
		for _, r := range t.Rules {
			switch {
			case kind == policy.Tools && policy.IsAnnotation(r.Pattern):
				l.tell(r, jsondoc.Info, codeLintWord, "name the tools where it must hold against the server itself",
					"%s is the server's own word: a server that changes it changes what is allowed", jsondoc.Quote(r.Pattern))
			case kind == policy.Resources && oddWildcard(r.Pattern):
				l.tell(r, jsondoc.Warning, codeLintWildcard, `use "*", which stands for any run of characters, if that is meant`,
					`"?", "[" and "]" stand for themselves in the URI of a resource`)
			}
		}
	}
	if kind != policy.Resources {
		return
	}
	allow, tools := newListCover(a.Allow.Resources), newListCover(a.Allow.Tools)
	for _, t := range a.Deny.Resources {
		given := !l.keyCovered(allow, t.Server.Pattern) && !l.keyCovered(tools, t.Server.Pattern)
		for _, r := range t.Rules {
			if l.left > 0 && manySpellings(r.Pattern) && (given || l.mayAllow(a, kind, t.Server.Pattern, r.Pattern)) {
				l.tell(r, jsondoc.Info, codeLintNoFence, "list what may be read in allow.resources instead",
					"is no fence: servers may take other spellings for the same thing, such as another letter case, a link or a short name")
			}
		}
	}
}

// oddWildcard reports whether a URI has brackets that are not those of an IPv6
// address or in a query, or "?" where there are no queries.
func oddWildcard(pattern string) bool {
	_, behind, _ := strings.Cut(pattern, "//")
	if host, _, _ := strings.Cut(behind, "/"); strings.Contains(host, "[") && strings.Contains(host, "]") {
		pattern = strings.Replace(pattern, host, "", 1)
	}
	path, _, query := strings.Cut(pattern, "?")
	return strings.ContainsAny(path, "[]") || query && strings.HasPrefix(strings.ToLower(path), "file:")
}

// foldingSchemes are those whose servers are known to take several spellings for one
// thing.
var foldingSchemes = []string{
	"dav", "davs", "file", "ftp", "http", "https", "mariadb", "mssql", "mysql", "oracle", "postgres", "postgresql", "sftp", "smb", "sqlite", "sqlserver", "webdav",
}

// manySpellings reports whether a pattern is for such a scheme, or for any.
func manySpellings(pattern string) bool {
	if pattern == policy.Wildcard {
		return false
	}
	scheme, _, found := strings.Cut(pattern, ":")
	if !found {
		scheme = policy.Wildcard
	}
	scheme = strings.ToLower(scheme)
	return slices.ContainsFunc(foldingSchemes, func(s string) bool { return policy.MatchPattern(scheme, s) })
}

// tell notes what is to know about a rule, whoever has it.
func (l *linter) tell(r policy.Rule, s jsondoc.Severity, code, hint, format string, args ...any) {
	if !l.told[r.Pos] && !l.said[r.Pos] {
		l.told[r.Pos] = true
		l.Add(r.Pos, s, r.Path, code, hint, format, args...)
	}
}

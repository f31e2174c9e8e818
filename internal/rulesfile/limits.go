package rulesfile

import (
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// maxLimits are the largest numbers, in the order of policy.LimitKeys.
var maxLimits = []int64{1_000_000, 1_000_000, 100_000, 1 << 50}

// maxPerTool is how many tools and patterns of an agent may have limits of their
// own: each call looks at them all.
const maxPerTool = 256

const (
	limitsForm = `write {"calls_per_minute": 60, "concurrent": 4}`
	perTool    = "per_tool"
)

// limits reads "limits". null lifts all that would be inherited.
func (p *parser) limits(n *jsondoc.Node, path string) policy.Limits {
	var l policy.Limits
	if n.Kind == jsondoc.KindNull {
		lift(&l.Amounts, n.Pos())
		l.ToolsLifted = true
		return l
	}
	if !p.is(n, jsondoc.KindObject, path, "an object, or null for none", limitsForm) {
		return l
	}
	keys := append(p.amountKeys(&l.Amounts), jsondoc.Key{Name: perTool, Read: func(n *jsondoc.Node, path string) {
		if n.Kind == jsondoc.KindNull {
			l.ToolsLifted = true
			return
		}
		l.PerTool = p.perTool(n, path)
	}})
	p.object(n, path, keys, nil)
	return l
}

// lift writes null into all.
func lift(a *policy.Amounts, pos policy.Position) {
	for _, l := range a.All() {
		*l = policy.Limit{Pos: pos}
	}
}

// amountKeys reads the limits that are numbers.
func (p *parser) amountKeys(a *policy.Amounts) jsondoc.Keys {
	var keys jsondoc.Keys
	for i, to := range a.All() {
		keys = append(keys, jsondoc.Key{Name: policy.LimitKeys[i], Read: func(n *jsondoc.Node, path string) {
			*to = p.limit(n, path, maxLimits[i])
		}})
	}
	return keys
}

// limit reads one number. 0 is refused: some would read it as "none at all", and
// others as "as many as you like".
func (p *parser) limit(n *jsondoc.Node, path string, most int64) policy.Limit {
	l := policy.Limit{Path: path, Pos: n.Pos()}
	if n.Kind == jsondoc.KindNull {
		return l
	}
	if !p.is(n, jsondoc.KindNumber, path, "a number, or null for no limit", "write it without quotes") {
		return l
	}
	number, whole := n.Int()
	if !whole || number < 1 || number > most {
		p.problem(n.Pos(), path, codeLimit, `write null for no limit; to allow no call at all, use "deny"`,
			"must be a whole number from 1 to %d, not %s", most, n.Text())
		return l
	}
	l.N = number
	return l
}

// perTool reads {"SERVER": {"TOOL": {limits}}}.
func (p *parser) perTool(n *jsondoc.Node, path string) []policy.ToolLimits {
	const form = `write {"SERVER": {"TOOL": {"calls_per_minute": 60}}}`
	if !p.is(n, jsondoc.KindObject, path, "an object of servers, or null for none", form) {
		return nil
	}
	var all []policy.ToolLimits
	for _, server := range n.Members() {
		at := jsondoc.KeyPath(path, server.Key)
		p.checkPattern(server.Key, server.KeyPos(), at, servers)
		if !p.is(server.Value, jsondoc.KindObject, at, "an object of tools", form) {
			continue
		}
		for _, tool := range server.Value.Members() {
			toolAt := jsondoc.KeyPath(at, tool.Key)
			p.checkPattern(tool.Key, tool.KeyPos(), toolAt, limitedTools)
			t := policy.ToolLimits{
				Server: policy.Rule{Pattern: server.Key, Path: at, Pos: server.KeyPos()},
				Tool:   policy.Rule{Pattern: tool.Key, Path: toolAt, Pos: tool.KeyPos()},
			}
			switch {
			case tool.Value.Kind == jsondoc.KindNull:
				lift(&t.Amounts, tool.Value.Pos())
			case p.is(tool.Value, jsondoc.KindObject, toolAt, "an object, or null for none", limitsForm):
				p.object(tool.Value, toolAt, p.amountKeys(&t.Amounts), nil)
			}
			all = append(all, t)
		}
	}
	if len(all) > maxPerTool {
		p.tooManyPerTool(n.Pos(), path, len(all))
		return nil
	}
	return all
}

func (p *parser) tooManyPerTool(pos policy.Position, path string, n int) {
	p.problem(pos, path, codeLimit, `use patterns: "*" stands for any run of characters`, "must have at most %d limits of tools together, not %d", maxPerTool, n)
}

// checkBursts refuses a burst of the agent's own that limits nothing.
func (p *parser) checkBursts(own, merged policy.Limits) {
	check := func(own, merged policy.Amounts) {
		if own.Burst.N > 0 && merged.CallsPerMinute.N == 0 {
			p.problem(own.Burst.Pos, own.Burst.Path, codeLimit, `add "calls_per_minute"`, "has no effect without calls_per_minute")
		}
	}
	check(own.Amounts, merged.Amounts)
	for i, t := range own.PerTool {
		check(t.Amounts, merged.PerTool[i].Amounts)
	}
}

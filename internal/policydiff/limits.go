package policydiff

import (
	"fmt"
	"strconv"

	"gatehouse/internal/policy"
)

// LimitChange is a limit of an agent that changes, by whatever it is set: itself, a
// role or the defaults. From or To is "" where there is none.
type LimitChange struct {
	Agent string `json:"agent"`
	// Key is the path below "limits", such as per_tool.db.query.concurrent.
	Key  string `json:"key"`
	From string `json:"from"`
	To   string `json:"to"`
	// Widens means that the agent may use more than before.
	Widens bool `json:"widens"`
}

// limitChanges compares the limits of an agent that both sides have.
func limitChanges(id string, was, is *policy.Agent) []LimitChange {
	if was == nil || is == nil {
		return nil
	}
	changes := []LimitChange{}
	from, to := amounts(was.Limits), amounts(is.Limits)
	for _, key := range union(from, to) {
		if from[key] == to[key] {
			continue
		}
		changes = append(changes, LimitChange{
			Agent: id, Key: key, From: number(from[key]), To: number(to[key]),
			Widens: from[key] != 0 && (to[key] == 0 || to[key] > from[key]),
		})
	}
	return changes
}

// amounts are all limits by their keys.
func amounts(l policy.Limits) map[string]int64 {
	all := map[string]int64{}
	add := func(prefix string, a policy.Amounts) {
		a.Burst.N = a.BurstOrAll() // What counts without one.
		for i, one := range a.All() {
			if one.N > 0 {
				all[prefix+policy.LimitKeys[i]] = one.N
			}
		}
	}
	add("", l.Amounts)
	for _, t := range l.PerTool {
		add(fmt.Sprintf("per_tool[%q][%q].", t.Server.Pattern, t.Tool.Pattern), t.Amounts)
	}
	return all
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

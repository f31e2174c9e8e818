package policy_test

import (
	"fmt"
	"runtime"
	"testing"

	"gatehouse/internal/policy"
)

// The benchmarks print in the form that benchstat reads:
//
//	go test -run=NONE -bench=. -count=10 ./internal/policy | benchstat -

var benchVerbs = []string{"get", "list", "read", "search", "create", "update", "drop", "delete", "grant", "export"}

// benchRules has n agents with 50 patterns each: 10 of them in deny.tools for
// all servers, 40 in allow.tools over four servers. All agents have the same
// ones, as from a template, or each has its own.
func benchRules(n int, own bool) policy.Rules {
	rules := policy.Rules{DenyOnMissingAgent: true, Hash: "bench"}
	for i := range n {
		a := policy.Agent{ID: fmt.Sprintf("agent-%04d", i)}
		suffix := "_public_*"
		if own {
			suffix = fmt.Sprintf("_public_*%d", i)
		}
		deny := policy.ServerRules{Server: policy.Rule{Pattern: "*"}}
		for _, verb := range benchVerbs {
			deny.Rules = append(deny.Rules, policy.Rule{Pattern: verb + "_*_secret"})
		}
		a.Deny.Tools = append(a.Deny.Tools, deny)
		for s := range 4 {
			server := fmt.Sprintf("server-%d", s)
			a.Allow.Servers = append(a.Allow.Servers, policy.Rule{Pattern: server})
			allow := policy.ServerRules{Server: policy.Rule{Pattern: server}}
			for _, verb := range benchVerbs {
				allow.Rules = append(allow.Rules, policy.Rule{Pattern: verb + suffix})
			}
			a.Allow.Tools = append(a.Allow.Tools, allow)
		}
		rules.Agents = append(rules.Agents, a)
	}
	return rules
}

// oneListRules has n agents with 50 patterns each in one list.
func oneListRules(n int) policy.Rules {
	rules := policy.Rules{DenyOnMissingAgent: true, Hash: "bench"}
	for i := range n {
		a := policy.Agent{ID: fmt.Sprintf("agent-%04d", i), Allow: policy.Access{Servers: []policy.Rule{{Pattern: "server-3"}}}}
		allow := policy.ServerRules{Server: policy.Rule{Pattern: "server-3"}}
		for k := range 50 {
			allow.Rules = append(allow.Rules, policy.Rule{Pattern: fmt.Sprintf("%s_%d*", benchVerbs[k%10], k)})
		}
		a.Allow.Tools = append(a.Allow.Tools, allow)
		rules.Agents = append(rules.Agents, a)
	}
	return rules
}

func BenchmarkDecide(b *testing.B) {
	spread, one := policy.Compile(benchRules(1000, false)), policy.Compile(oneListRules(1000))
	own := policy.Compile(benchRules(1000, true))
	cases := []struct {
		name         string
		p            *policy.Policy
		server, tool string
		allow        bool
	}{
		{"allowed-by-last-pattern", spread, "server-3", "export_public_rows", true},
		{"denied-by-pattern", spread, "server-3", "drop_all_secret", false},
		{"not-allowed", spread, "server-3", "unknown_tool_name", false},
		{"server", spread, "server-3", "", true},
		{"own-patterns-not-allowed", own, "server-3", "export_public_rows", false},
		{"own-patterns-denied-by-pattern", own, "server-3", "drop_all_secret", false},
		{"allowed-by-50th-of-one-list", one, "server-3", "export_49_rows", true},
	}
	agents := make([]string, 1000)
	for i := range agents {
		agents[i] = fmt.Sprintf("agent-%04d", i*7919%1000)
	}
	// One agent's rules stay in the processor's nearest cache; those of all
	// agents in turn do not, which is the worst that can happen.
	for name, ids := range map[string][]string{"same-agent": agents[:1], "all-agents": agents} {
		for _, c := range cases {
			b.Run(name+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if c.p.Decide(ids[i%len(ids)], c.server, c.tool).Allow != c.allow {
						b.Fatal("wrong decision")
					}
					i++
				}
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for name, own := range map[string]bool{"same-for-all-agents": false, "own-for-each-agent": true} {
		rules := benchRules(200, own) // 10,000 tool rules
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				runtime.KeepAlive(policy.Compile(rules))
			}
		})
	}
}

func BenchmarkMatchPattern(b *testing.B) {
	name := fmt.Sprintf("%0500d", 0)
	for b.Loop() {
		policy.MatchPattern("*0*0*0*0*0*0*0*1*", name)
	}
}

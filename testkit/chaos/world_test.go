//go:build linux

package chaos_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"gatehouse/testkit"
)

// kind says what may happen to a server, and so which failures of its calls
// are in order.
type kind struct {
	hurt    bool // it is killed, stopped, crashed, flooded
	changed bool // its entry is changed, removed, added
	brittle bool // it is given up soon, and its callers don't wait long
	hasty   bool // its calls are cut off when it is changed
	narrow  bool // it takes few calls at a time, and small results
	lazy    bool // it sleeps when nobody calls
	ghost   bool // it has never been able to start
	web     bool // it is reached by url
	wrapper bool // it is a wrapper around a child that does the work
}

// kinds are the servers of the world by name.
var kinds = map[string]kind{
	"rock-a": {}, "rock-b": {}, "web": {web: true}, "lazy": {lazy: true}, "narrow": {narrow: true},
	"mut-a": {changed: true}, "mut-b": {changed: true}, "hasty": {changed: true, hasty: true},
	"prey-a": {hurt: true}, "prey-b": {hurt: true}, "wrap": {hurt: true, wrapper: true},
	"both": {hurt: true, changed: true}, "brittle": {hurt: true, brittle: true},
	"ghost": {changed: true, ghost: true},
}

// names returns the servers that satisfy the condition, sorted.
func names(ok func(kind) bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(kinds)), func(n string) bool { return !ok(kinds[n]) })
}

var (
	allNames     = names(func(kind) bool { return true })
	calmNames    = names(func(k kind) bool { return !k.hurt && !k.ghost })
	steadyNames  = names(func(k kind) bool { return !k.hurt && !k.ghost && !k.changed && !k.lazy })
	hurtNames    = names(func(k kind) bool { return k.hurt })
	changedNames = names(func(k kind) bool { return k.changed })
)

// The limits of the entries that the judge knows.
const (
	narrowInFlight  = 2
	narrowResult    = 64 << 10
	hurtCallTimeout = 10_000 // ms
)

// serverFile is one version of .mcp.json: the tag of each server that it has,
// and a number that descriptions and timeouts carry.
type serverFile struct {
	version int
	tags    map[string]int
	talk    int
}

// marker is an entry that is in one version only: the log names it when that
// version is applied.
func marker(version int) string { return "version-" + strconv.Itoa(version) }

// content is the file's text.
func (f serverFile) content(t *testing.T, record, web string) string {
	t.Helper()
	servers := testkit.Servers{marker(f.version): testkit.Entry{"command": "nothing", "disabled": true}}
	for name, tag := range f.tags {
		servers[name] = f.entry(t, name, tag, record, web)
	}
	return servers.JSON()
}

// entry is what the file says of one server. Those that may not fail have such
// limits that no slowness of the machine reaches them.
func (f serverFile) entry(t *testing.T, name string, tag int, record, web string) testkit.Entry {
	t.Helper()
	k := kinds[name]
	e := testkit.Fake(t, "--record", record, "--tag", tagOf(name, tag))
	switch {
	case k.web:
		e = testkit.Entry{"url": web}
	case k.ghost:
		e = testkit.Entry{"command": "gatehouse-chaos-no-such-command", "args": []string{strconv.Itoa(tag)}}
	case k.wrapper:
		e = testkit.Fake(t, "--fork", "--record", record, "--tag", tagOf(name, tag))
	}
	e = e.With("description", fmt.Sprintf("%s, word %d", name, f.talk)).Settings(
		"startup_timeout_ms", 120_000, "restart_wait_ms", 120_000, "ping_timeout_ms", 120_000)
	if k.changed {
		e = e.Settings("call_timeout_ms", 300_000+f.talk)
	}
	if k.hurt {
		e = e.Settings("ping_interval_ms", 200, "ping_timeout_ms", 1000, "startup_timeout_ms", 20_000,
			"call_timeout_ms", hurtCallTimeout, "drain_timeout_ms", hurtCallTimeout, "max_result_bytes", 1<<20,
			"restart", map[string]any{"initial_ms": 10, "max_ms": 200, "max_failures": 1000, "window_ms": 100, "quarantine_ms": 1})
	}
	switch {
	case k.brittle:
		e = e.Settings("restart_wait_ms", 300, "restart", map[string]any{
			"initial_ms": 50, "max_ms": 200, "max_failures": 2, "window_ms": 20_000, "quarantine_ms": 700,
		})
	case k.hasty:
		e = e.Settings("drain_timeout_ms", 50)
	case k.narrow:
		e = e.Settings("max_in_flight", narrowInFlight, "max_result_bytes", narrowResult)
	case k.lazy:
		e = e.Settings("start", "lazy", "idle_stop_ms", 150)
	}
	return e
}

// tagOf is the mark by which a result says which entry it comes from.
func tagOf(name string, tag int) string { return name + "/" + strconv.Itoa(tag) }

// next is the file after a few random changes.
func (f serverFile) next(rnd *rand.Rand) serverFile {
	f.version++
	f.tags = maps.Clone(f.tags)
	for range 1 + rnd.IntN(3) {
		name := changedNames[rnd.IntN(len(changedNames))]
		_, here := f.tags[name]
		switch n := rnd.IntN(10); {
		case n < 2:
			f.talk++
		case here && n < 4 && name != "mut-a":
			delete(f.tags, name)
		default:
			f.tags[name] = f.version
		}
	}
	return f
}

// everything is a version in which every server is.
func (f serverFile) everything() serverFile {
	f.version++
	f.tags = maps.Clone(f.tags)
	for _, name := range allNames {
		if _, here := f.tags[name]; !here {
			f.tags[name] = f.version
		}
	}
	return f
}

func firstServers() serverFile {
	return serverFile{tags: map[string]int{}}.everything()
}

// The agents: boss may use everything always, for flip the rules change.
const (
	boss = "boss"
	flip = "flip"
)

// ruleFile is one version of the rules: what flip may use.
type ruleFile struct {
	version int
	servers []string
	denied  []string // tools
}

// prober is an agent that is in one version only: it may call when that
// version is in force.
func prober(version int) string { return "rules-" + strconv.Itoa(version) }

func (f ruleFile) content() string {
	return testkit.Rules{
		boss:              {Allow: []string{"*"}},
		prober(f.version): {Allow: []string{"*"}},
		flip:              {Allow: f.servers, DenyTools: testkit.Tools{"*": f.denied}},
	}.JSON()
}

// hash is what the audit log says of decisions by this version.
func (f ruleFile) hash() string {
	sum := sha256.Sum256([]byte(f.content()))
	return hex.EncodeToString(sum[:])
}

// allows is the decision by this version.
func (f ruleFile) allows(agent, server, tool string) bool {
	return agent == boss || slices.Contains(f.servers, server) && !slices.Contains(f.denied, tool)
}

// next is the file after random changes.
func (f ruleFile) next(rnd *rand.Rand) ruleFile {
	next := ruleFile{version: f.version + 1, servers: []string{}, denied: []string{"never"}}
	for _, name := range allNames {
		if rnd.IntN(2) == 0 {
			next.servers = append(next.servers, name)
		}
	}
	if rnd.IntN(2) == 0 {
		next.denied = append(next.denied, "pid")
	}
	return next
}

func firstRules() ruleFile {
	return ruleFile{version: 1, servers: allNames, denied: []string{"never"}}
}

//go:build linux

package chaos_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/cpu"
	"gatehouse/internal/identity"
	"gatehouse/testkit"
)

const (
	mallory = "mallory"
	leaver  = "leaver"
	// budget is what the gateway may hold of messages.
	budget = 256 << 20
)

// honestServers are those that everybody calls. ts dies of long lines, py of
// deep JSON, as servers on real SDKs do.
var honestServers = []string{"rock", "ts", "py"}

// besieged is a gateway with nine honest agents, and one that is not.
type besieged struct {
	siege
	t      *testing.T
	g      *testkit.Gateway
	url    string
	honest []*honest
	idleKB int
	made   map[string]bool // the honest calls by call_id
	rules  int             // versions written so far

	meter     *cpu.Meter
	attacker  int // its process id
	word      io.Writer
	endAttack func()
	each      time.Duration // what a call costs the gateway in peace; 0 if nobody knows
}

// siege says how hard and how long it is.
type siege struct {
	last  time.Duration
	force int // see orders.Force
	files int // the gateway's limit of descriptors
	short bool
}

// The promises.
const (
	memoryPromise     = "memory"
	latencyPromise    = "p99"
	callsPromise      = "honest calls"
	serversPromise    = "servers"
	revocationPromise = "revocation"
	auditPromise      = "audit"
)

// TestChaos_oneAttackerAmongNine has one attacker try everything, in turn and
// then all at once, while nine honest agents do their work, each time with a
// fresh gateway. Unless GATEHOUSE_ATTACK_SECONDS makes it a full run, it is
// short, all at once, and does not judge what a busy machine blurs.
func TestChaos_oneAttackerAmongNine(t *testing.T) {
	s := siege{last: time.Second, force: 32, files: 256, short: true}
	names := slices.Sorted(maps.Keys(attacks))
	if seconds := number(t, "GATEHOUSE_ATTACK_SECONDS", 0); seconds > 0 {
		s = siege{last: time.Duration(seconds) * time.Second, force: 1, files: 4096}
		inTurn := chosen(t, names)
		for _, name := range inTurn {
			t.Run(name, func(t *testing.T) { s.run(t, []string{name}) })
		}
		if len(inTurn) == 1 {
			return
		}
		if len(inTurn) > 0 {
			names = inTurn
		}
	}
	t.Run(allAtOnce, func(t *testing.T) { s.run(t, names) })
}

const allAtOnce = "all at once"

// chosen are the attacks that GATEHOUSE_ATTACKS names, comma-separated, to be tried in
// turn; all if it names none. With "all at once" alone none is.
func chosen(t *testing.T, names []string) []string {
	t.Helper()
	only := os.Getenv("GATEHOUSE_ATTACKS")
	if only == "" {
		return names
	}
	var inTurn []string
	for name := range strings.SplitSeq(only, ",") {
		switch {
		case slices.Contains(names, name):
			inTurn = append(inTurn, name)
		case name != allAtOnce:
			t.Fatalf("there is no attack %q: there are %q and %q", name, names, allAtOnce)
		}
	}
	return inTurn
}

// run is one siege.
func (s siege) run(t *testing.T, by []string) {
	s.files = int(number(t, "GATEHOUSE_ATTACK_FILES", uint64(s.files)))
	b := &besieged{siege: s, t: t, made: map[string]bool{}, meter: cpu.NewMeter()}
	b.start()
	b.idleKB = residentKB(b.g.PID())
	for i := range 9 {
		name := honestName(i)
		b.honest = append(b.honest, &honest{name: name, token: tokenOf(name), url: b.url})
	}
	b.prepareAttack(by)
	if s.short {
		b.judgeCalls(b.war(), nil)
		b.judgeAudit()
		return
	}
	b.peace("warm-up", time.Second)
	quiet := max(s.last/4, 2*time.Second)
	base := b.peace("before the attack", quiet)
	calls := b.war()
	pauseFor(t.Context(), 2*time.Second) // What it has left behind is cleared away.
	base = append(base, b.peace("after the attack", quiet)...)
	b.judgeCalls(calls, base)
	b.judgeAudit()
}

// peace has the honest agents work for a while and returns their calls.
func (b *besieged) peace(when string, last time.Duration) []tried {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), last)
	defer cancel()
	used := b.usage()
	calls := b.together(ctx, func() {})
	now := b.usage()
	b.t.Logf("%s: %s; %s", when, spread(calls), now.since(used))
	b.each = now.ofCalls(used, len(calls))
	return calls
}

// together has the honest agents work until ctx ends, does something meanwhile,
// and returns their calls.
func (b *besieged) together(ctx context.Context, meanwhile func()) []tried {
	var all sync.WaitGroup
	for i, h := range b.honest {
		all.Go(func() { h.work(ctx, uint64(i)) })
	}
	meanwhile()
	all.Wait()
	var calls []tried
	for _, h := range b.honest {
		calls = append(calls, h.take()...)
	}
	for _, c := range calls {
		if c.callID != "" {
			b.made[c.callID] = true
		}
	}
	return calls
}

// war is peace with an attacker. It judges all but the honest calls, which it
// returns.
func (b *besieged) war() []tried {
	b.t.Helper()
	leaving := (&honest{name: leaver, token: tokenOf(leaver), url: b.url}).connect(b.t.Context())
	if leaving == nil {
		b.t.Fatal("the leaver gets no session")
	}
	peak := b.watchMemory()
	stop := b.beginAttack()
	used := b.usage()
	ctx, cancel := context.WithTimeout(b.t.Context(), b.last)
	defer cancel()
	var revoked time.Duration
	denied := false
	calls := b.together(ctx, func() {
		pauseFor(ctx, b.last/4)
		revoked, denied = b.revoke(leaving)
	})
	now := b.usage()
	b.t.Logf("under attack: %s; %s", spread(calls), now.since(used))
	if now.idle < busyMachine && !b.short {
		b.t.Logf("the machine was busy, maybe with other programs: where the attacker gets no processor time, nobody is attacked")
	}
	if b.each > 0 {
		more := (now.gateway - used.gateway - time.Duration(len(calls))*b.each).Seconds() / now.at.Sub(used.at).Seconds()
		b.t.Logf("the attack took %.1f %% of a core from the gateway, beyond the %v of each honest call", 100*more, b.each)
	}
	stop()
	memory := peak()
	b.t.Logf("memory: %d MB over %d MB idle; revocation: %v", memory>>20, b.idleKB>>10, revoked.Round(time.Millisecond))
	b.want(memoryPromise, memory <= 4*budget, "%d MB over idle, want at most %d", memory>>20, 4*budget>>20)
	b.want(revocationPromise, denied, "nobody had said no %v after the edit, want it to be in force", revocationPatience)
	b.want(revocationPromise, revoked <= inForce, "a call made %v after the edit ran, want none after %v", revoked, inForce)
	b.judgeServers()
	return calls
}

// want fails the test unless a promise was kept.
func (b *besieged) want(promise string, kept bool, format string, args ...any) {
	b.t.Helper()
	if !kept {
		b.t.Errorf("%s: "+format, append([]any{promise}, args...)...)
	}
}

func honestName(i int) string { return fmt.Sprintf("honest-%d", i+1) }

// tokenOf is an agent's bearer token.
func tokenOf(agent string) string { return fmt.Sprintf("chaos_%s_%032d", agent, 7) }

// start starts the gateway with few descriptors.
func (b *besieged) start() {
	b.t.Helper()
	dir := b.t.TempDir()
	list := filepath.Join(dir, "huge.json")
	check(b.t, os.WriteFile(list, hugeList(10, (3<<20)/b.force), 0o600))
	servers := testkit.Servers{
		"rock": testkit.Fake(b.t), "prey": testkit.Fake(b.t),
		"ts":   testkit.Fake(b.t, "--max-line", fmt.Sprint(10<<20)),
		"py":   testkit.Fake(b.t, "--max-depth", "1000"),
		"huge": testkit.Fake(b.t, "--list", list),
	}
	env := gateway(b.t)
	b.g = testkit.StartGateway(b.t, testkit.Options{
		Servers: servers.JSON(), Rules: b.rulesFile(), Env: []string{env}, Unclean: true,
		Program: limited(b.t, dir, strings.SplitN(env, "=", 2)[1], b.files),
		Args:    []string{"--debounce", "20ms", "--log-level", "info"},
	})
	for name := range servers {
		b.g.Await(b.t, "server ready", "server", name)
	}
	b.url = b.g.BaseURL(b.t) + "/mcp"
}

// limited is a program that runs another with few descriptors.
func limited(t *testing.T, dir, program string, files int) string {
	t.Helper()
	path := filepath.Join(dir, "limited")
	script := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %q \"$@\"\n", files, program)
	check(t, os.WriteFile(path, []byte(script), 0o700))
	return path
}

// hugeList is a tools/list result with a few large definitions.
func hugeList(n, size int) []byte {
	out := []byte(`{"tools":[`)
	for i := range n {
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, `{"name":"large_%d","description":%q,"inputSchema":{"type":"object"}}`, i, strings.Repeat("d", size))
	}
	return append(out, `]}`...)
}

// rulesFile is the next version of the rules: the leaver may do what it may in
// every other one.
func (b *besieged) rulesFile() string {
	b.rules++
	// The marker makes each version another one.
	grants := testkit.Rules{prober(b.rules): {}, mallory: {Allow: []string{"rock", "ts", "py", "prey", "huge"}}}
	if b.rules%2 == 1 {
		grants[leaver] = testkit.Grant{Allow: []string{"rock"}}
	} else {
		grants[leaver] = testkit.Grant{Allow: []string{}}
	}
	for i := range 9 {
		grants[honestName(i)] = testkit.Grant{Allow: honestServers}
	}
	var tokens []any
	for _, agent := range slices.Sorted(maps.Keys(grants)) {
		tokens = append(tokens, map[string]any{"id": agent, "agents": []string{agent}, "sha256": identity.DigestOf(tokenOf(agent)).String()})
	}
	return grants.JSONWith(map[string]any{"tokens": tokens})
}

// prepareAttack starts an attacker, a process of its own that waits for a word.
func (b *besieged) prepareAttack(by []string) {
	b.t.Helper()
	text, err := json.Marshal(orders{URL: b.url, Token: tokenOf(mallory), Attacks: by, Force: b.force, Files: b.files})
	check(b.t, err)
	self, err := os.Executable()
	check(b.t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), attackVariable+"="+string(text))
	orders, err := cmd.StdinPipe()
	check(b.t, err)
	cmd.Stderr = os.Stderr
	check(b.t, cmd.Start())
	b.attacker = cmd.Process.Pid
	b.endAttack = sync.OnceFunc(func() {
		_ = orders.Close()
		if err := cmd.Wait(); err != nil {
			b.t.Errorf("the attacker ended with %v", err)
		}
	})
	b.t.Cleanup(b.endAttack)
	b.word = orders
}

// beginAttack tells the attacker to begin; stop ends it.
func (b *besieged) beginAttack() (stop func()) {
	b.t.Helper()
	_, err := b.word.Write([]byte("!"))
	check(b.t, err)
	return b.endAttack
}

// watchMemory starts to look at how much memory the gateway has; peak ends it
// and returns the most that was seen over idle, in bytes.
func (b *besieged) watchMemory() (peak func() int) {
	done, most := make(chan struct{}), make(chan int)
	go func() {
		high := 0
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			high = max(high, residentKB(b.g.PID()))
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				most <- high
				return
			}
		}
	}()
	return func() int {
		close(done)
		return (<-most - b.idleKB) << 10
	}
}

// revoke takes the leaver's permission away and returns how long after the edit
// its last call that ran was made, and whether the gateway has said no at last.
func (b *besieged) revoke(conn *connection) (last time.Duration, denied bool) {
	b.t.Helper()
	testkit.WriteAtomic(b.t, b.g.RulesFile, b.rulesFile())
	edited := time.Now()
	for time.Since(edited) < revocationPatience {
		begun := time.Now()
		got, err := conn.execute(context.Background(), "l", leaver, "rock", "echo", map[string]any{}, 0)
		switch t := judgeOf(got, err); {
		case t.code == "DENIED_BY_POLICY":
			return last, true
		case t.err == nil && t.code == "":
			last = begun.Sub(edited)
		}
		pauseFor(b.t.Context(), 20*time.Millisecond)
	}
	return last, false
}

// busyMachine is how much of the processors is left at least where the figures of
// an attack mean something.
const busyMachine = 0.1

const (
	// inForce is how long after an edit a revoked call may still run.
	inForce = 2 * time.Second
	// revocationPatience is how long the gateway may go without saying no: an
	// edit that it cannot read makes it refuse calls sooner.
	revocationPatience = 15 * time.Second
)

// judgeCalls judges the honest calls. How long they took is compared with those
// of peace, if there are any.
func (b *besieged) judgeCalls(calls, peace []tried) {
	b.t.Helper()
	failed := map[string]int{}
	for _, c := range calls {
		switch {
		case c.err != nil:
			failed[firstWords(c.err)]++
		case c.code != "" && c.code != "SERVER_CRASHED": // judgeServers counts crashes.
			failed[c.code]++
		}
	}
	base, p99, ratio := percentile99(peace), percentile99(calls), 0.0
	if base > 0 {
		ratio = float64(p99) / float64(base)
	}
	b.t.Logf("%d honest calls, failed %v; 99 of 100 took at most %v, %.1f times the %v of peace", len(calls), failed, p99, ratio, base)
	for _, server := range honestServers {
		of := slices.DeleteFunc(slices.Clone(calls), func(c tried) bool { return c.server != server })
		b.t.Logf("of %s: %d calls, 99 of 100 took at most %v", server, len(of), percentile99(of))
	}
	b.want(callsPromise, len(failed) == 0 && len(calls) > 0, "of %d honest calls failed: %v, want none", len(calls), failed)
	b.want(latencyPromise, ratio <= 3, "99 of 100 honest calls took at most %v, want at most 3 times %v", p99, base)
}

// firstWords is an error without what differs each time.
func firstWords(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return text[:min(len(text), 60)]
}

// mayCrash is how many crashes it takes to find out whose calls cause them.
const mayCrash = 3

// judgeServers looks for servers that the others lost.
func (b *besieged) judgeServers() {
	b.t.Helper()
	crashed, reasons := map[string]int{}, map[string][]string{}
	for _, l := range b.g.Log.Lines() {
		switch l.Msg {
		case "server quarantined":
			b.want(serversPromise, false, "%s was quarantined, want it never to be: %s", l.Str("server"), l.Str("reason"))
		case "server crashed":
			crashed[l.Str("server")]++
			reasons[l.Str("server")] = append(reasons[l.Str("server")], l.Str("phase")+": "+l.Str("reason"))
		}
	}
	for server, n := range crashed {
		allowed := 0
		if server == "prey" {
			allowed = mayCrash
		}
		b.want(serversPromise, n <= allowed, "%s crashed %d times, want at most %d: %s", server, n, allowed, strings.Join(reasons[server], "; "))
	}
}

// judgeAudit looks for the record of every honest call.
func (b *besieged) judgeAudit() {
	b.t.Helper()
	b.g.Stop(b.t) // What waits to be written is written then.
	told := map[string]int{}
	files, err := filepath.Glob(b.g.AuditFile + "*")
	check(b.t, err)
	size := int64(0)
	for _, path := range files {
		size += countCalls(b.t, path, told)
	}
	missing, twice := 0, 0
	for id := range b.made {
		switch {
		case told[id] == 0:
			missing++
		case told[id] > 1:
			twice++
		}
	}
	b.t.Logf("audit log: %d files, %d MB, %d honest calls", len(files), size>>20, len(b.made))
	b.want(auditPromise, missing == 0 && twice == 0, "of %d honest calls %d are missing and %d there twice, want each once", len(b.made), missing, twice)
}

// countCalls counts the records of calls by call_id and returns the file's size.
func countCalls(t *testing.T, path string, told map[string]int) (size int64) {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		size += int64(len(line))
		var a auditLine
		if json.Unmarshal(line, &a) == nil && a.Event == "" && a.CallID != "" {
			told[a.CallID]++
		}
		if err == io.EOF {
			return size
		}
		check(t, err)
	}
}

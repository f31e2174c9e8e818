//go:build linux

package chaos_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// usual are the schedules of "make test", each of which once found a bug at the
// usual number of steps.
var usual = []uint64{
	201,                 // A hung server's entry was changed while it was being ended: its death was in no log.
	1795989535751957163, // A server that was paused and then frozen for good was woken by the end of its pause.
}

// steps of a run, unless GATEHOUSE_CHAOS_STEPS says otherwise: about a quarter
// of a minute with the race detector.
const steps = 20

// TestChaos_randomSchedule runs the usual seeds. GATEHOUSE_CHAOS_SEED names another
// one, or is "new", and GATEHOUSE_CHAOS_RUNS says how many to run from there:
// what a new one finds is as often in what was there before, so "make chaos" asks
// for it, and a step of CI that decides nothing.
func TestChaos_randomSchedule(t *testing.T) {
	for _, seed := range seeds(t) {
		t.Run("seed "+strconv.FormatUint(seed, 10), func(t *testing.T) { run(t, seed, length(t)) })
	}
}

func seeds(t *testing.T) []uint64 {
	t.Helper()
	var first uint64
	switch os.Getenv("GATEHOUSE_CHAOS_SEED") {
	case "new":
		first = uint64(time.Now().UnixNano())
	case "":
		if testing.Short() {
			return usual[:1]
		}
		return usual
	default:
		first = number(t, "GATEHOUSE_CHAOS_SEED", 0)
	}
	var list []uint64
	for i := range number(t, "GATEHOUSE_CHAOS_RUNS", 1) {
		list = append(list, first+i)
	}
	return list
}

func length(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		return int(number(t, "GATEHOUSE_CHAOS_STEPS", steps/2))
	}
	return int(number(t, "GATEHOUSE_CHAOS_STEPS", steps))
}

// number reads a variable of the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// world is one run.
type world struct {
	*load
	t      *testing.T
	rnd    *rand.Rand
	g      *testkit.Gateway
	record string
	web    string

	servers     serverFile // as written last
	rules       ruleFile
	allServers  map[int]serverFile
	allRules    map[string]ruleFile // by hash
	paused      []pause
	frozen      []frozen
	lookedAside *connection
}

// frozen is a process that was stopped for good.
type frozen struct {
	server     string
	pid, group int
}

// pause is a stopped process that goes on at a step.
type pause struct{ pid, until int }

// run is the whole of it: chaos, then calm, then judgement.
func run(t *testing.T, seed uint64, steps int) {
	t.Logf("GATEHOUSE_CHAOS_SEED=%d GATEHOUSE_CHAOS_STEPS=%d", seed, steps)
	// One run in two ends by SIGQUIT, which shows the goroutines.
	dump := seed%2 == 0
	w := newWorld(t, seed, dump)
	w.begin(t, seed)
	begun := time.Now()
	for step := range steps {
		// What a step does follows from its number alone, not from what the
		// steps before it have met.
		w.rnd = rand.New(rand.NewPCG(seed, uint64(1<<32+step)))
		w.wake(step)
		w.step(step)
		w.pace()
	}
	chaos := time.Since(begun)
	w.calmDown()
	calm := time.Since(begun) - chaos
	w.judge()
	w.compare(dump)
	t.Logf("%v of chaos, %v until all was well, %v of judgement", chaos.Round(time.Second), calm.Round(time.Second), (time.Since(begun) - chaos - calm).Round(time.Second))
}

func newWorld(t *testing.T, seed uint64, unclean bool) *world {
	t.Helper()
	w := &world{
		t: t, rnd: rand.New(rand.NewPCG(seed, 0)), record: filepath.Join(t.TempDir(), "record.jsonl"),
		servers: firstServers(), rules: firstRules(), allServers: map[int]serverFile{}, allRules: map[string]ruleFile{},
		load: &load{stop: make(chan struct{}), running: map[*call]struct{}{}},
	}
	w.web = testkit.StartHTTPFake(t, "--record", w.record, "--tag", tagOf("web", 1)).Base + "/mcp"
	w.g = w.gateway(w.record, unclean)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	client := &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	url := w.g.BaseURL(t) + "/mcp"
	w.client = transport
	w.dial = func() (*connection, error) { return dial(context.Background(), url, client) }
	var err error
	if w.lookedAside, err = w.dial(); err != nil {
		t.Fatal(err)
	}
	w.awaitServers()
	w.awaitRules()
	for _, name := range steadyNames { // Later nothing keeps these from their callers.
		w.g.Await(t, "server ready", "server", name)
	}
	return w
}

// gateway starts a gateway on the files as they are now.
func (w *world) gateway(record string, unclean bool) *testkit.Gateway {
	w.t.Helper()
	w.allServers[w.servers.version] = w.servers
	w.allRules[w.rules.hash()] = w.rules
	return testkit.StartGateway(w.t, testkit.Options{
		Servers: w.servers.content(w.t, record, w.web), Rules: w.rules.content(), Unclean: unclean,
		Args: []string{"--debounce", "20ms"}, Env: []string{gateway(w.t)},
	})
}

// pace waits until some calls have ended: the measure of time in here.
func (w *world) pace() {
	goal := w.calmEnded.Load() + 5 + w.rnd.Int64N(60)
	testkit.Eventually(w.t, "calls of servers that nobody hurts end", func() bool { return w.calmEnded.Load() >= goal })
}

// step does one of the things that are to be survived.
func (w *world) step(now int) {
	acts := []func(){
		w.editServers, w.editServers, w.editServers, w.burst, w.editRules, w.editRules, w.editBoth,
		w.badServers, w.badRules, w.lostFile, w.noise,
		w.kill, w.kill, w.kill, func() { w.pauseOne(now) }, w.freeze, w.crash, w.crash, w.flood, w.massacre,
	}
	acts[w.rnd.IntN(len(acts))]()
}

// write puts content into a file in one of the styles.
func (w *world) write(path, content string) {
	w.t.Helper()
	styles := slices.Sorted(maps.Keys(testkit.Writers))
	testkit.Writers[styles[w.rnd.IntN(len(styles))]](w.t, path, content)
}

func (w *world) writeServers(f serverFile) {
	w.t.Helper()
	w.servers, w.allServers[f.version] = f, f
	w.write(w.g.ServersFile, f.content(w.t, w.record, w.web))
}

func (w *world) writeRules(f ruleFile) {
	w.t.Helper()
	w.rules, w.allRules[f.hash()] = f, f
	w.write(w.g.RulesFile, f.content())
}

// awaitServers waits until the last version of .mcp.json is in force.
func (w *world) awaitServers() {
	w.t.Helper()
	version := w.servers.version
	w.g.AwaitLine(w.t, 0, "that version "+strconv.Itoa(version)+" of the servers is applied", func(l testkit.Line) bool {
		return l.Msg == "config applied" && slices.Contains(l.Strs("added"), marker(version))
	})
	w.floorServers.Store(int64(version))
}

// awaitRules waits until the last version of the rules is in force.
func (w *world) awaitRules() {
	w.t.Helper()
	testkit.Eventually(w.t, "the new rules are in force", func() bool {
		return w.lookedAside.seesServers(w.t.Context(), prober(w.rules.version))
	})
	w.floorRules.Store(int64(w.rules.version))
}

func (w *world) editServers() {
	w.writeServers(w.servers.next(w.rnd))
	if w.rnd.IntN(2) == 0 {
		w.awaitServers()
	}
}

func (w *world) editRules() {
	w.writeRules(w.rules.next(w.rnd))
	if w.rnd.IntN(2) == 0 {
		w.awaitRules()
	}
}

func (w *world) editBoth() {
	w.writeRules(w.rules.next(w.rnd))
	w.writeServers(w.servers.next(w.rnd))
	w.awaitServers()
	w.awaitRules()
}

// burst is several versions with no pause between; the last one counts.
func (w *world) burst() {
	for range 2 + w.rnd.IntN(4) {
		if w.rnd.IntN(3) == 0 {
			w.writeRules(w.rules.next(w.rnd))
		} else {
			w.writeServers(w.servers.next(w.rnd))
		}
	}
	w.awaitServers()
	w.awaitRules()
}

// bad is what no gateway should load.
var bad = []string{
	"", "{", `{"mcpServers": {"x": {}}}`, `{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}`,
	`{"agents": {"no good@": {}}}`, `{"agents": {}, "agents": {}}`, "[[[[", "\xff\xfe",
}

// badServers writes something invalid, then goes on with the next version.
func (w *world) badServers() {
	mark := w.g.Log.Len()
	w.write(w.g.ServersFile, bad[w.rnd.IntN(len(bad))])
	if w.rnd.IntN(2) == 0 {
		w.g.AwaitFrom(w.t, mark, "config rejected", "role", "servers")
	}
	w.editServers()
}

func (w *world) badRules() {
	mark := w.g.Log.Len()
	w.write(w.g.RulesFile, bad[w.rnd.IntN(len(bad))])
	if w.rnd.IntN(2) == 0 {
		w.g.AwaitFrom(w.t, mark, "config rejected", "role", "rules")
	}
	w.editRules()
}

// lostFile removes a file for a while.
func (w *world) lostFile() {
	mark := w.g.Log.Len()
	check(w.t, os.Remove(w.g.ServersFile))
	if w.rnd.IntN(2) == 0 {
		w.g.AwaitFrom(w.t, mark, "config rejected", "role", "servers")
	}
	f := w.servers.next(w.rnd)
	w.servers, w.allServers[f.version] = f, f
	testkit.WriteAtomic(w.t, w.g.ServersFile, f.content(w.t, w.record, w.web))
	w.awaitServers()
}

// noise changes nothing.
func (w *world) noise() {
	testkit.WriteAtomic(w.t, filepath.Join(w.g.Dir, "other.json"), "{}")
	w.write(w.g.ServersFile, w.servers.content(w.t, w.record, w.web))
	w.write(w.g.RulesFile, w.rules.content())
	w.g.Signal(w.t, syscall.SIGHUP)
}

// calmDown ends the chaos: whoever was stopped goes on, the callers finish,
// all servers are there again and serve.
func (w *world) calmDown() {
	w.t.Helper()
	w.wake(1 << 30)
	close(w.stop)
	ended := make(chan struct{})
	go func() { w.wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(3 * testkit.Patience):
		for _, c := range w.left() {
			w.t.Errorf("no answer: %s", c)
		}
		w.g.AwaitFrom(w.t, w.g.Log.Len(), "the end of the calls above")
	}
	for _, f := range w.frozen {
		w.t.Logf("frozen: %s, process %d", f.server, f.pid)
		testkit.Gone(w.t, f.pid)
	}
	w.writeServers(w.servers.everything())
	w.writeRules(w.rules.next(w.rnd))
	w.awaitServers()
	w.awaitRules()
	for _, name := range allNames {
		w.recovers(name)
	}
	w.slotsAreFree()
}

// slotsAreFree checks that no call that ended, in whatever way, still counts.
func (w *world) slotsAreFree() {
	w.t.Helper()
	var calls []*call
	for range narrowInFlight {
		c := &call{agent: boss, server: "narrow", tool: "sleep", args: map[string]any{"ms": 50}}
		calls = append(calls, c)
		w.aside(w.t, c)
	}
	w.wg.Wait()
	for _, c := range calls {
		if c.err != nil || c.failure() != nil {
			w.t.Errorf("a slot of narrow is lost: %v %+v", c.err, c.failure())
		}
	}
}

// recovers checks that a server serves. One that was hurt may need some time.
func (w *world) recovers(name string) {
	w.t.Helper()
	serves := func() bool {
		c := w.one(w.t, name, "pid", map[string]any{})
		return c.err == nil && c.failure() == nil
	}
	switch k := kinds[name]; {
	case k.ghost:
	case k.hurt:
		testkit.Eventually(w.t, name+" serves again", serves)
	case !serves():
		w.t.Errorf("%s does not serve in the end", name)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

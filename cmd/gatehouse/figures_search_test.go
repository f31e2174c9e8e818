package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/testkit"
)

// library are servers with 200 tools each, each of some 300 bytes.
func library(t *testing.T, number int) testkit.Servers {
	t.Helper()
	verbs, things := strings.Fields("create delete list show move send read write count merge"), strings.Fields("branch card mail file table board invoice photo event order")
	servers := testkit.Servers{}
	for i := range number {
		list := []map[string]any{{"name": "echo", "inputSchema": map[string]any{"type": "object"}}}
		for j := range 200 {
			verb, thing := verbs[j%10], things[(i+j/10)%10]
			list = append(list, map[string]any{
				"name": fmt.Sprintf("%s_%s_%d", verb, thing, j), "description": fmt.Sprintf("Can %s one %s, or many of kind%d, and says how it went.", verb, thing, j),
				"inputSchema": map[string]any{"type": "object", "properties": map[string]any{
					"path":  map[string]any{"type": "string", "description": "Which " + thing + " it is about."},
					"limit": map[string]any{"type": "integer", "description": "How many at most."},
				}},
			})
		}
		page, err := json.Marshal(map[string]any{"tools": list})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "list.json")
		testkit.WriteAtomic(t, path, string(page))
		servers[fmt.Sprint("s", i)] = testkit.Fake(t, "--list", path)
	}
	return servers
}

// callsFor calls without a pause from 16 callers, each at least once, and returns how
// long each call took.
func callsFor(t *testing.T, a testkit.Agent, servers int, d time.Duration) []time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var mu sync.Mutex
	var all []time.Duration
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			var mine []time.Duration
			for len(mine) == 0 || ctx.Err() == nil {
				begun := time.Now()
				if r, err := a.TryExecute(t.Context(), fmt.Sprint("s", i%servers), "echo", nil); err != nil || r.Code() != "" {
					t.Errorf("a call: got %v, %v, want it to be answered", r, err)
					return
				}
				mine = append(mine, time.Since(begun))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	callers.Wait()
	return all
}

// TestFigures_callsBesideSearches calls under load, in turns with a search a second
// beside the calls and without.
func TestFigures_callsBesideSearches(t *testing.T) {
	figures(t)
	number := scaled(10, 2)
	servers := library(t, number)
	g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a")})
	for name := range servers {
		g.Await(t, "server ready", "server", name)
	}
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	search := func(query string) time.Duration {
		begun := time.Now()
		if r, err := a.Try(t.Context(), "search_tools", map[string]any{"query": query}); err != nil || r.Code() != "" {
			t.Errorf("a search: got %v, %v, want it to be answered", r, err)
		}
		return time.Since(begun)
	}
	t.Logf("the first search, which reads %d tools: %v over HTTP", 200*number, search("create a branch").Round(10*time.Microsecond))
	var alone, beside, searches []time.Duration
	for i := range scaled(6, 1) {
		alone = append(alone, callsFor(t, a, number, time.Duration(scaled(3000, 50))*time.Millisecond)...)
		done := make(chan struct{})
		var searcher sync.WaitGroup
		searcher.Go(func() {
			for tick := time.NewTicker(time.Second); ; {
				searches = append(searches, search(fmt.Sprintf("move the card %d to another bord", i)))
				select {
				case <-tick.C:
				case <-done:
					tick.Stop()
					return
				}
			}
		})
		beside = append(beside, callsFor(t, a, number, time.Duration(scaled(3000, 50))*time.Millisecond)...)
		close(done)
		searcher.Wait()
	}
	t.Logf("calls without searches: %d, %s", len(alone), percentiles(alone))
	t.Logf("calls beside a search a second: %d (%.2f of those without), %s", len(beside), float64(len(beside))/float64(max(1, len(alone))), percentiles(beside))
	t.Logf("searches under that load, over HTTP: %s", percentiles(searches))
}

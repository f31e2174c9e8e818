package main

import (
	"cmp"
	"fmt"
	"os"
	"testing"
	"time"

	"gatehouse/testkit"
)

// TestFigures_startsOfManyServers prints how long many servers take to start
// together, and with how many starts. With GATEHOUSE_BEFORE, the path of another
// build of gatehouse, it prints that one's figures first.
func TestFigures_startsOfManyServers(t *testing.T) {
	programs := []string{""}
	if before := os.Getenv("GATEHOUSE_BEFORE"); before != "" {
		programs = []string{before, ""}
	}
	for _, program := range programs {
		figuresOfStarts(t, program, scaled(50, 6), "sleep 200 ms", "--start-delay", "200ms")
		figuresOfStarts(t, program, scaled(24, 3), "use 5 s of CPU", "--start-cpu", scaledText("5s", "50ms"))
	}
}

func scaledText(text, short string) string {
	if full() {
		return text
	}
	return short
}

// mostPatience is how long the figures wait for servers that may never be
// ready.
const mostPatience = 6 * time.Minute

func figuresOfStarts(t *testing.T, program string, n int, what string, args ...string) {
	t.Helper()
	servers := testkit.Servers{}
	for i := range n {
		servers[fmt.Sprintf("s%02d", i)] = testkit.Fake(t, args...)
	}
	begun := time.Now()
	g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Program: program, Unclean: true})
	var first, last time.Duration
	ready := 0
	for tick := time.Tick(5 * time.Millisecond); ready < n && time.Since(begun) < mostPatience; <-tick {
		if now := g.Count(0, "server ready"); now > ready {
			ready, last = now, time.Since(begun)
			first = cmp.Or(first, last)
		}
	}
	build := "this build"
	if program != "" {
		build = "the other build"
	}
	t.Logf("%s, %d servers that %s: %d ready with %d starts, the first after %v, the last after %v", build, n, what,
		ready, g.Count(0, "server starting"), first.Round(time.Millisecond), last.Round(time.Millisecond))
	if ready < n && program == "" {
		t.Errorf("%d of %d servers were ready within %v, want all", ready, n, mostPatience)
	}
	g.Stop(t)
}

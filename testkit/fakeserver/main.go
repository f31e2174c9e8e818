// Command fakeserver is a scriptable MCP server for tests.
//
// It speaks MCP by hand-written JSON-RPC, over stdio or (with --http) over
// streamable HTTP at /mcp and SSE at /sse, so that it can misbehave in every
// way a real server has been seen to: see options.go for the flags and
// tools.go for the tools. It uses the standard library alone, so that tests
// can build it in a moment.
//
// With --record FILE each life-cycle event and each tools/call that it runs
// is appended to FILE as one JSON line, written before the tool runs: the
// file is the evidence of what reached a server, how often, and which process.
//
// Without --era it is a legacy server: server/discover is answered with -32601
// and initialize with the revision asked for if it is a known one, otherwise
// with 2025-11-25. With --era stateless it speaks 2026-07-28 and nothing else, and
// is strict about it: see stateless.go.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	opt, err := parseOptions(os.Args[1:])
	if err != nil {
		os.Exit(2)
	}
	os.Exit(run(opt))
}

// run serves until the input ends and gives the exit code.
func run(opt options) int {
	if opt.ignoreTerm {
		signal.Ignore(syscall.SIGTERM, os.Interrupt)
	}
	if opt.fork {
		return wrap()
	}
	if opt.exitAfter > 0 {
		time.AfterFunc(opt.exitAfter, func() { os.Exit(opt.exitCode) })
	}
	time.Sleep(opt.startDelay)
	burn(opt.startCPU)
	s := newServer(opt)
	s.rec.write(event{Event: "start"})
	if opt.http != "" {
		if err := s.serveHTTP(opt.http); err != nil {
			fmt.Fprintln(os.Stderr, "fakeserver:", err)
			return 1
		}
		return 0
	}
	s.serveStdio(os.Stdin, os.Stdout)
	if opt.ignoreTerm {
		select {} // The end of the input is ignored as well.
	}
	s.rec.write(event{Event: "stop"})
	return 0
}

// wrap runs the same command line without --fork as a child that shares the
// pipes and the process group, as npx and shells do, and ends with its code.
func wrap() int {
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(a string) bool {
		return a == "--fork" || a == "-fork"
	})
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return max(cmd.ProcessState.ExitCode(), 1)
	}
	return 0
}

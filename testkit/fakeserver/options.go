package main

import (
	"flag"
	"strings"
	"time"
)

// options is the command line.
type options struct {
	name         string
	tag          string
	instructions string
	record       string
	transcript   string
	http         string
	httpStatus   int
	lostStatus   int
	lostBody     string
	noDiscover   string

	tools     string
	list      string
	toolCount int
	page      int
	noTools   bool
	cursors   string

	startDelay     time.Duration
	startCPU       time.Duration
	exitAfter      time.Duration
	exitCode       int
	dieInHandshake bool
	neverAnswer    bool
	answerError    bool
	junk           int
	huge           int64
	stopReading    bool
	maxLine        int
	maxDepth       int
	flood          string
	ignoreTerm     bool
	legacySilent   bool
	legacyDies     bool
	legacyStatus   bool
	wantsInit      bool
	fork           bool

	era          string
	pins         bool
	discoverLate string
	headerTools  bool
	recordAll    bool
	whole        bool
	tasks        bool
}

// parseOptions reads the flags. The flag package has printed the reason when
// it returns an error.
func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	f.StringVar(&o.name, "name", "fakeserver", "name in serverInfo")
	f.StringVar(&o.tag, "tag", "", "a mark that pid, records and _meta carry, to tell configs apart")
	f.StringVar(&o.instructions, "instructions", "", "instructions in the initialize result")
	f.StringVar(&o.record, "record", "", "append what happens to this file as JSON lines")
	f.StringVar(&o.transcript, "transcript", "", "append every message that comes to this file, one a line")
	f.StringVar(&o.http, "http", "", "serve HTTP on this address instead of stdio")
	f.IntVar(&o.httpStatus, "status", 0, "answer every HTTP request with this status")
	f.IntVar(&o.lostStatus, "lost-status", 404, "answer requests of unknown HTTP sessions with this status")
	f.StringVar(&o.lostBody, "lost-body", "no such session", "and this body; JSON if it begins with {")
	f.StringVar(&o.noDiscover, "no-discover", "", "refuse server/discover over HTTP: with this status, or cut for a closed connection")

	f.StringVar(&o.tools, "tools", "", "extra tool names, comma-separated; each echoes")
	f.StringVar(&o.list, "list", "", "answer tools/list with the content of this file as the result")
	f.IntVar(&o.toolCount, "tool-count", 0, "this many extra tools tool_0001 ...")
	f.IntVar(&o.page, "page", 0, "paginate tools/list by this many")
	f.StringVar(&o.cursors, "cursors", "", "with --page, give cursors that are number, or always the same")
	f.BoolVar(&o.noTools, "no-tools-capability", false, "declare no tools and know no tools/list")

	f.DurationVar(&o.startDelay, "start-delay", 0, "wait before anything is read")
	f.DurationVar(&o.startCPU, "start-cpu", 0, "use this much processor time before anything is read")
	f.DurationVar(&o.exitAfter, "exit-after", 0, "exit by itself after this time")
	f.IntVar(&o.exitCode, "exit-code", 7, "exit code of --exit-after and --die-in-handshake")
	f.BoolVar(&o.dieInHandshake, "die-in-handshake", false, "exit when initialize arrives")
	f.BoolVar(&o.neverAnswer, "never-answer", false, "read everything, answer nothing")
	f.BoolVar(&o.answerError, "answer-error", false, "answer initialize with a JSON-RPC error")
	f.IntVar(&o.junk, "junk-stdout", 0, "this many lines of junk before the first and between all messages")
	f.Int64Var(&o.huge, "huge", 0, "send an unasked line of this many bytes once initialized")
	f.BoolVar(&o.stopReading, "stop-reading", false, "read nothing more once tools/list was answered")
	f.IntVar(&o.maxLine, "max-line", 0, "over stdio: die of a longer line, as the TypeScript SDK does of 10 MiB")
	f.IntVar(&o.maxDepth, "max-depth", 0, "over stdio: die of JSON that is nested deeper, as Python does of 1000")
	f.StringVar(&o.flood, "flood", "", "once tools/list was answered, write without end: stderr, junk lines on stdout, one endless line, or notify changes of tools")
	f.BoolVar(&o.ignoreTerm, "ignore-term", false, "ignore SIGTERM and the end of stdin")
	f.BoolVar(&o.legacySilent, "legacy-silent", false, "do not answer unknown methods")
	f.BoolVar(&o.legacyDies, "legacy-dies", false, "exit when the first message is of an unknown method")
	f.BoolVar(&o.wantsInit, "hangs-unless-initialize", false, "hang for ever if the first message is not initialize")
	f.BoolVar(&o.legacyStatus, "legacy-status", false, "answer an unknown Mcp-Protocol-Version header with 400 and a text")
	f.StringVar(&o.era, "era", eraLegacy, "legacy (with initialize), stateless (2026-07-28) or both")
	f.BoolVar(&o.pins, "pins", false, "with --era both over stdio, be a legacy server once initialize has come, as the TypeScript SDK 2 is")
	f.StringVar(&o.discoverLate, "discover-late", "", "make this file, and answer server/discover only once there is another message; at once if there is the file")
	f.BoolVar(&o.headerTools, "header-tools", false, "have tools with parameters that travel in headers")
	f.BoolVar(&o.recordAll, "record-all", false, "record every message, not only calls")
	f.BoolVar(&o.tasks, "tasks", false, "answer with tasks where it may, and say how they stand")
	f.BoolVar(&o.whole, "whole", false, "have resources, templates, prompts and completions too")
	f.BoolVar(&o.fork, "fork", false, "run as a wrapper around a child that does the work")
	err := f.Parse(args)
	return o, err
}

// extraTools is the list of extra tool names that the flags ask for.
func (o options) extraTools() []string {
	var names []string
	if o.tools != "" {
		names = strings.Split(o.tools, ",")
	}
	for i := range o.toolCount {
		names = append(names, toolName(i+1))
	}
	return names
}

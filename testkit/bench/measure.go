package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// options are the flags of the bench.
type options struct {
	calls   int
	rounds  int
	gateway string
	against string
	env     []string
	only    []string
	short   bool
	keep    bool
}

func (o *options) parse(args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.calls, "calls", 8000, "calls of one load with many callers; 64 KiB loads send a tenth, sequential ones a quarter")
	flags.IntVar(&o.rounds, "rounds", 11, "how often each target is measured")
	flags.StringVar(&o.gateway, "gateway", "", "the gateway's executable (default: build it)")
	flags.StringVar(&o.against, "against", "", "another gateway's executable, such as that of an older commit: measured in the same rounds, with a table that compares the two")
	flags.Func("gateway-env", "KEY=VALUE for the gateway; repeatable", appendTo(&o.env))
	flags.Func("only", "measure this figure only; repeatable: "+strings.Join(figureNames(), " "), appendTo(&o.only))
	flags.BoolVar(&o.short, "short", false, "few calls, few servers: does everything work?")
	flags.BoolVar(&o.keep, "keep", false, "keep the folder with logs, audit logs and configuration")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, name := range o.only {
		if !slices.Contains(figureNames(), name) {
			return fmt.Errorf("--only %s: there are %s", name, strings.Join(figureNames(), " "))
		}
	}
	if flags.NArg() > 0 || o.calls < 1 || o.rounds < 1 {
		return errors.New("no arguments; --calls and --rounds are at least 1")
	}
	if o.short {
		o.calls, o.rounds = 40, 1
	}
	return nil
}

func appendTo(list *[]string) func(string) error {
	return func(s string) error {
		*list = append(*list, s)
		return nil
	}
}

// bench is one run.
type bench struct {
	options
	*world
	report report
}

// figure is something to measure; it adds rows to the report.
type figure struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

var figures = []figure{
	{"throughput-16", throughput(16)},
	{"throughput-64", throughput(64)},
	{"throughput-256", throughput(256)},
	{"sequential", sequential},
	{"large", large},
	{"growth", growth},
	{"stdio", stdio},
	{"memory", memoryUnderLoad},
	{"idle", idle},
	{"start-http", startHTTP},
	{"start-stdio", startStdio},
}

func figureNames() []string {
	var names []string
	for _, f := range figures {
		names = append(names, f.name)
	}
	return names
}

// measure runs the figures and prints the report, as far as it came.
func measure(ctx context.Context, args []string, out io.Writer) error {
	b := &bench{}
	if err := b.parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	if b.keep {
		defer fmt.Fprintf(os.Stderr, "kept: %s\n", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	if b.world, err = newWorld(ctx, dir, b.options); err != nil {
		return err
	}
	err = b.all(ctx)
	b.report.print(out)
	return err
}

func (b *bench) all(ctx context.Context) error {
	for _, f := range figures {
		if len(b.only) > 0 && !slices.Contains(b.only, f.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s ...", f.name)
		start := time.Now()
		err := f.run(ctx, b)
		fmt.Fprintf(os.Stderr, " %.1f s\n", time.Since(start).Seconds())
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

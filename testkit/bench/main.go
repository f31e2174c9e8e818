package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	err := play(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// play runs the part that the arguments name.
func play(args []string) error {
	part := ""
	if len(args) > 0 {
		part = args[0]
	}
	switch part {
	case "echo":
		return playEcho(args[1:])
	case "relay":
		return playRelay(args[1:])
	default:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return measure(ctx, args, os.Stdout)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/logging"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/terminal"
)

func newLogsCommand(color *colorOption) *cobra.Command {
	var o running
	q := admin.LogQuery{}
	var level string
	var all bool
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show the log of the running gateway, of one server with --server",
		Long: `logs shows the newest records of the running gateway's log: what happened to its
servers, what they wrote to stderr, and reloads. The gateway keeps the last 300
records about each server and 2,000 others, of its --log-level and above. With -f the
command follows the log until you interrupt it or the gateway ends.

In a fleet, --node shows the log of another gateway, and --all those of all gateways,
ordered by their clocks: logged_by names the gateway of each record. -f does not work
with these. Exit code 1: one of the gateways could not be asked.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := notTogether(cmd.Flags(), "node", "all")
			if err != nil {
				return err
			}
			if q.Level, err = logging.ParseLevel(level); err != nil {
				return fmt.Errorf("--level: %w", err)
			}
			if q.Follow && (all || q.Node != "") {
				return errors.New("-f follows the log of the gateway that is asked: run it at each gateway, without --node and --all")
			}
			if q.N < 0 {
				return fmt.Errorf("-n is %d: use 0 or more", q.N)
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := o.connect(ctx)
			if err != nil {
				return err
			}
			if all {
				return showAllLogs(ctx, cmd, gw, q, color, o.asJSON)
			}
			return showLogs(ctx, gw.Client, q, cmd.OutOrStdout(), color, o.asJSON)
		},
	}
	o.register(cmd, "print each record as the JSON object that it is")
	cmd.Flags().BoolVarP(&q.Follow, "follow", "f", false, "follow the log")
	cmd.Flags().StringVar(&q.Server, "server", "", "only records about this server")
	cmd.Flags().StringVar(&q.Node, "node", "", "the log of this gateway of the fleet")
	cmd.Flags().BoolVar(&all, "all", false, "the logs of all gateways of the fleet")
	cmd.Flags().StringVar(&level, "level", "debug", "only records of this level and above: debug, info, warn or error")
	cmd.Flags().IntVarP(&q.N, "lines", "n", 100, "how many earlier records to show")
	return cmd
}

func showLogs(ctx context.Context, c *admin.Client, q admin.LogQuery, w io.Writer, color *colorOption, asJSON bool) error {
	err := c.Logs(ctx, q, func(raw json.RawMessage) error { return showRecord(w, raw, color, asJSON) })
	if ctx.Err() != nil {
		return nil //nolint:nilerr // Interrupted: that is how following ends.
	}
	return asked(ctx, c, err)
}

// showRecord writes one record.
func showRecord(w io.Writer, raw json.RawMessage, color *colorOption, asJSON bool) error {
	text := terminal.JSON(string(raw))
	if !asJSON {
		size, isTerminal := terminal.Of(w) // It may change at any time.
		text = logText(raw, size.Columns, color.colors(isTerminal))
	}
	return terminal.Draw(w, text+"\n")
}

// logText is a record as wide as a terminal may be; more of it goes on below,
// indented.
func logText(raw json.RawMessage, columns int, colors bool) string {
	const indent = "    "
	lines := terminal.Wrap(logLine(raw), max(0, columns-len(indent)))
	level := rawjson.Text(rawjson.Get(raw, slog.LevelKey))
	if color := map[string]string{"WARN": yellow, "ERROR": red, "DEBUG": faint}[level]; colors && color != "" {
		lines[0] = strings.Replace(lines[0], level, "\x1b["+color+"m"+level+"\x1b[0m", 1)
	}
	return strings.Join(lines, "\n"+indent)
}

// logLine is a record for people: time, level, message, attributes.
func logLine(raw json.RawMessage) string {
	members, ok := rawjson.Members(raw)
	if !ok {
		return line(string(raw))
	}
	var when time.Time
	var level, msg, rest string
	for _, m := range members {
		value := raw[m.Start:m.End]
		switch m.Key {
		case slog.TimeKey:
			_ = rawjson.Decode(value, &when) // A bad one shows as midnight.
		case slog.LevelKey:
			level = jsonText(value)
		case slog.MessageKey:
			msg = jsonText(value)
		case "stderr":
			if rawjson.First(value) == '"' { // Of a list each line is a record of its own.
				rest += " stderr=" + logWord(jsonText(value))
			}
		default:
			rest += " " + logWord(m.Key) + "=" + logWord(jsonText(value))
		}
	}
	if msg == "" {
		return "... " + strings.TrimSpace(rest) // {"lost":N}, {"error":"..."}
	}
	return fmt.Sprintf("%s %-5s %s%s", when.Local().Format("15:04:05.000"), line(level), line(msg), rest)
}

// jsonText is a string's own text, and any other value as JSON.
func jsonText(raw json.RawMessage) string {
	var s string
	if rawjson.First(raw) == '"' && rawjson.Decode(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// logWord quotes what would not be one word.
func logWord(s string) string {
	if s == "" || strings.ContainsAny(s, " \"=") || line(s) != s {
		return strconv.Quote(s)
	}
	return s
}

package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/textcut"
)

// errorWidth is how much of an error fits into the table.
const errorWidth = 60

// statusText is a status for people. Everything in it that comes from servers
// or files is safe for a terminal.
func statusText(st admin.Status, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "gatehouse %s  instance %s  pid %d  up %s  %s\n", line(st.Version), line(st.Instance), st.PID,
		age(time.Duration(st.UptimeMS)*time.Millisecond), line(reachedAt(st)))
	if !st.Ready {
		b.WriteString("it is shutting down\n")
	}
	fmt.Fprintf(&b, "generation %d, %s old, policy %s\n", st.Generation,
		age(time.Duration(st.GenerationAgeMS)*time.Millisecond), textcut.Characters(line(st.PolicyHash), 13))
	for _, f := range st.Files {
		fmt.Fprintf(&b, "%-8s %s (%s)\n", line(f.Role), line(f.Path), line(f.Why))
	}
	for _, r := range st.Reloads {
		fmt.Fprintf(&b, "reload   %s %s: %s\n", r.At.Local().Format("15:04:05"), line(r.File), line(reportText(r)))
		if r.Outcome == admin.Rejected {
			printShownProblems(&b, r.Problems, "  ")
		}
	}
	fmt.Fprintf(&b, "audit    %d written, %d lost", st.Audit.Written, st.Audit.Lost)
	if st.Audit.Err != "" {
		fmt.Fprintf(&b, ", %d waiting: %s", st.Audit.Queued, line(st.Audit.Err))
	}
	b.WriteString("\n")
	if st.Log.Lost > 0 {
		fmt.Fprintf(&b, "log      %d lines lost%s\n", st.Log.Lost, withReason(line(st.Log.Err)))
	}
	writeNotes(&b, st, now)
	b.WriteString("\n")
	writeTable(&b, st, now)
	return b.String()
}

// writeNotes writes what is out of the ordinary.
func writeNotes(b *strings.Builder, st admin.Status, now time.Time) {
	for _, h := range st.Holds {
		until := "until it is released"
		if h.Until != nil {
			until = "for " + age(h.Until.Sub(now)) + " more"
		}
		if h.Why != "" {
			until += ": " + line(h.Why)
		}
		fmt.Fprintf(b, "hold     %s %s\n", line(h.Server), until)
	}
	for _, d := range st.Draining {
		fmt.Fprintf(b, "draining %s of generation %d, for %s\n", line(d.Server), d.Generation, age(now.Sub(d.Since)))
	}
	for _, s := range st.Servers {
		if s.ToolsProblem != "" {
			fmt.Fprintf(b, "tools    %s: %s\n", line(s.Name), line(s.ToolsProblem))
		}
		if len(s.Suspects) > 0 {
			fmt.Fprintf(b, "suspect  %s crashed twice or more while it ran: %s\n", line(s.Name), line(strings.Join(s.Suspects, ", ")))
		}
	}
}

func writeTable(b *strings.Builder, st admin.Status, now time.Time) {
	if len(st.Servers) == 0 {
		b.WriteString("no servers\n")
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVER\tSTATE\tRUN\tPID\tUPTIME\tRESTARTS\tIN FLIGHT\tTOOLS\tNEXT ATTEMPT\tLAST ERROR")
	for _, s := range st.Servers {
		fmt.Fprintln(t, strings.Join([]string{
			textcut.Characters(line(s.Name), 40), line(s.State), strconv.FormatUint(s.Run, 10), orDash(s.PID != 0, strconv.Itoa(s.PID)),
			orDash(s.State == "ready", age(now.Sub(s.Since))), strconv.Itoa(s.Restarts), strconv.Itoa(s.InFlight),
			toolCount(s), nextAttempt(s, now), textcut.Characters(trouble(s, now), errorWidth),
		}, "\t"))
	}
	_ = t.Flush() // A strings.Builder takes everything.
}

func orDash(ok bool, text string) string {
	if !ok {
		return "-"
	}
	return text
}

func toolCount(s admin.ServerStatus) string {
	if s.Tools == nil {
		return "?"
	}
	return strconv.Itoa(*s.Tools)
}

func nextAttempt(s admin.ServerStatus, now time.Time) string {
	if s.NextAttempt == nil {
		return "-"
	}
	return "in " + age(s.NextAttempt.Sub(now))
}

// trouble is why a server is not ready, else how it last failed.
func trouble(s admin.ServerStatus, now time.Time) string {
	switch {
	case s.Reason != "":
		return line(s.Reason)
	case s.LastError != "" && s.LastErrorAt != nil:
		return age(now.Sub(*s.LastErrorAt)) + " ago: " + line(s.LastError)
	default:
		return "-"
	}
}

func withReason(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

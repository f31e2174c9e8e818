package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what is printed at the end: the figures with their goals, and what
// they were made of.
type report struct {
	rows    []row
	pairs   []string // rows of cells: the gateway against another one
	details []string // rows of cells, separated by tabs
	skipped []string
}

// row is one figure. What is compared with the goal is a ratio in most cases.
type row struct {
	figure, direct, relay, gateway string
	relayRatio                     string
	result                         string
	goal                           goal
	value                          float64
	text                           func(float64) string
}

// goal is a bound that is to be reached.
type goal struct {
	least bool
	bound float64
}

func atLeast(v float64) goal { return goal{true, v} }
func atMost(v float64) goal  { return goal{false, v} }

func (g goal) reached(v float64) string {
	if g.least && v >= g.bound || !g.least && v <= g.bound {
		return "yes"
	}
	return "no"
}

// compared adds a figure that is the gateway's part of a direct call.
func (p *report) compared(figure string, rounds []round, m metric, g goal) {
	direct, relay, gateway := spreadOf(rounds, func(r round) float64 { return m.value(r.direct) }),
		spread{}, spreadOf(rounds, func(r round) float64 { return m.value(r.gateway) })
	ratio := spreadOf(rounds, func(r round) float64 { return m.value(r.gateway) / m.value(r.direct) })
	line := row{figure: figure, direct: m.text(direct.median), gateway: m.text(gateway.median), result: ratio.String(), goal: g, value: ratio.median, text: plain}
	if rounds[0].relay.calls > 0 {
		relay = spreadOf(rounds, func(r round) float64 { return m.value(r.relay) })
		line.relay = m.text(relay.median)
		line.relayRatio = spreadOf(rounds, func(r round) float64 { return m.value(r.relay) / m.value(r.direct) }).String()
	}
	p.rows = append(p.rows, line)
	p.both(figure, rounds, m.value, m.text)
}

// both adds a figure of the two gateways, if there are two.
func (p *report) both(figure string, rounds []round, value func(sample) float64, text func(float64) string) {
	if rounds[0].against.calls == 0 {
		return
	}
	var other, gateway []float64
	for _, r := range rounds {
		other, gateway = append(other, value(r.against)), append(gateway, value(r.gateway))
	}
	p.versus(figure, other, gateway, text)
}

// versus adds a figure of the other gateway and of this one, round by round.
func (p *report) versus(figure string, other, gateway []float64, text func(float64) string) {
	ratios := make([]float64, len(gateway))
	for i := range ratios {
		ratios[i] = gateway[i] / other[i]
	}
	p.pairs = append(p.pairs, strings.Join([]string{
		figure, text(spreadFrom(other).median), text(spreadFrom(gateway).median), spreadFrom(ratios).String(),
	}, "\t"))
}

// cpu adds a figure of CPU time: the gateway's part of the relay's.
func (p *report) cpu(figure string, rounds []round) {
	of := func(s sample) float64 { return float64(s.each(s.used.target)) }
	relay := spreadOf(rounds, func(r round) float64 { return of(r.relay) })
	gateway := spreadOf(rounds, func(r round) float64 { return of(r.gateway) })
	if relay.least == 0 || gateway.least == 0 {
		p.skip("the loads are too short to see their CPU time")
		return
	}
	ratio := spreadOf(rounds, func(r round) float64 { return of(r.gateway) / of(r.relay) })
	p.rows = append(p.rows, row{
		figure: figure, relay: microseconds(relay.median), gateway: microseconds(gateway.median),
		result: ratio.String() + " of relay", goal: atMost(42.0 / 30), value: ratio.median, text: plain,
	})
	p.both(figure, rounds, of, microseconds)
}

// single adds a figure of the gateway alone.
func (p *report) single(figure, gateway string, v float64, g goal, text func(float64) string) {
	p.rows = append(p.rows, row{figure: figure, gateway: gateway, result: text(v), goal: g, value: v, text: text})
}

// started adds the time of a start; against are those of the other gateway.
func (p *report) started(s setup, times, against []float64) {
	front := "HTTP"
	if s.stdio {
		front = "stdio"
	}
	ms := func(v float64) string { return fmt.Sprintf("%.1f ms", v/float64(time.Millisecond)) }
	all := spreadFrom(times)
	figure := fmt.Sprintf("start to first tools/list, %d servers, %s", s.servers, front)
	p.rows = append(p.rows, row{
		figure: figure, gateway: ms(all.median), result: fmt.Sprintf("%s (%s..%s)", ms(all.median), ms(all.least), ms(all.most)),
		goal: atMost(float64(50 * time.Millisecond)), value: all.median, text: ms,
	})
	if against != nil {
		p.versus(figure, against, times, ms)
	}
}

func (p *report) skip(why string) {
	if !slices.Contains(p.skipped, why) {
		p.skipped = append(p.skipped, why)
	}
}

// detail adds what a load was made of: medians over the rounds.
func (p *report) detail(l load, rounds []round) {
	for _, t := range []struct {
		name string
		of   func(round) sample
	}{
		{"direct", func(r round) sample { return r.direct }},
		{"relay", func(r round) sample { return r.relay }},
		{"gateway", func(r round) sample { return r.gateway }},
		{"against", func(r round) sample { return r.against }},
	} {
		if t.of(rounds[0]).calls == 0 {
			continue
		}
		us := func(value func(sample) time.Duration) string {
			return microseconds(spreadOf(rounds, func(r round) float64 { return float64(value(t.of(r))) }).median)
		}
		cells := []string{
			l.name, t.name, rate.text(spreadOf(rounds, func(r round) float64 { return t.of(r).rate() }).median),
			us(func(s sample) time.Duration { return s.percentile(50) }), us(func(s sample) time.Duration { return s.percentile(99) }), "", "", "", "",
		}
		if procfs {
			cells[5] = us(func(s sample) time.Duration { return s.each(s.used.target) })
			cells[6] = us(func(s sample) time.Duration { return s.each(s.used.servers) })
			cells[7] = us(func(s sample) time.Duration { return s.each(s.used.client) })
			cells[8] = us(func(s sample) time.Duration { return s.each(s.used.all()) })
		}
		p.details = append(p.details, strings.Join(cells, "\t"))
	}
}

// print writes the report as Markdown.
func (p *report) print(out io.Writer) {
	fmt.Fprintf(out, "%s, %s/%s, %d cores. Medians of the rounds, (least..most); a ratio is that of one round.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	head := "figure\tdirect\traw relay\tgateway\trelay : direct\tgateway : direct\tgoal\treached"
	var lines []string
	for _, r := range p.rows {
		bound := map[bool]string{true: ">= ", false: "<= "}[r.goal.least] + r.text(r.goal.bound)
		lines = append(lines, strings.Join([]string{r.figure, r.direct, r.relay, r.gateway, r.relayRatio, r.result, bound, r.goal.reached(r.value)}, "\t"))
	}
	markdown(out, head, lines)
	if len(p.pairs) > 0 {
		fmt.Fprint(out, "\nThe gateway against the other one, in the same rounds.\n\n")
		markdown(out, "figure\tthe other\tthe gateway\tthe gateway : the other", p.pairs)
	}
	if len(p.details) > 0 {
		fmt.Fprint(out, "\nWhat they are made of. CPU time is per call.\n\n")
		markdown(out, "load\ttarget\tcalls\tp50\tp99\tCPU, target\tits server\tload generator\tall", p.details)
	}
	if !procfs {
		p.skip("CPU time is read from /proc, which is not here")
	}
	for _, why := range p.skipped {
		fmt.Fprintf(out, "\nskipped: %s\n", why)
	}
}

func markdown(out io.Writer, head string, lines []string) {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	defer w.Flush()
	rule := strings.Repeat("---\t", strings.Count(head, "\t")) + "---"
	for _, line := range slices.Concat([]string{head, rule}, lines) {
		fmt.Fprintf(w, "| %s\t|\n", strings.ReplaceAll(line, "\t", "\t| "))
	}
}

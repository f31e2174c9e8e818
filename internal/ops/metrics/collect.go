package metrics

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
)

// The bounds of answering.
const (
	maxScrapes = 8 // at one time
	scrapeTime = 10 * time.Second
)

// states are those that a server can have, so that none is missing where it has
// no servers.
var states = []endpoint.State{
	endpoint.Idle, endpoint.Starting, endpoint.Ready, endpoint.BackingOff, endpoint.Quarantined, endpoint.NeedsAuth,
	endpoint.Draining, endpoint.Stopped, endpoint.Misconfigured, endpoint.Disabled, endpoint.Held,
}

// Handler answers with what the book has counted and what the status says, in the
// text format of Prometheus or as OpenMetrics, as is asked for.
func Handler(book *Book, status func() admin.Status) http.Handler {
	all := prometheus.NewRegistry()
	all.MustRegister(collector{book, status}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTime})
}

// collector reads all metrics at one moment.
type collector struct {
	book   *Book
	status func() admin.Status
}

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range List {
		out <- m.desc()
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	st, w := c.status(), writer{out}
	c.book.collect(w)
	w.servers(st.Servers)
	w.config(st)
	w.put(auditWritten, float64(st.Audit.Written))
	w.put(auditLost, float64(st.Audit.Lost))
	w.put(auditQueued, float64(st.Audit.Queued))
	w.put(logWritten, float64(st.Log.Written))
	w.put(logLost, float64(st.Log.Lost))
	w.put(noticesLost, float64(st.NoticesLost))
	w.put(sessions, float64(st.Sessions), "http")
	if st.Attach != nil {
		w.put(sessions, float64(st.Attach.Attached), "attach")
	}
	w.put(ready, number(st.Ready))
	w.put(info, 1, st.Version)
	if st.Fleet != nil {
		w.fleet(*st.Fleet)
	}
}

// collect writes what was counted.
func (b *Book) collect(w writer) {
	for set, c := range b.calls.all() {
		w.put(callsTotal, float64(c.n.Load()), set.server, set.tool, set.agent, set.outcome)
	}
	for code, c := range b.refused.all() {
		w.put(refused, float64(c.n.Load()), code)
	}
	for name, s := range b.servers.all() {
		n, sum, upTo := s.took.read()
		w.out <- prometheus.MustNewConstHistogram(duration.desc(), n, sum, upTo, valid(name))
		w.put(requests, float64(s.sent.Load()), name)
		w.put(results, float64(s.got.Load()), name)
		if name == "" {
			continue // Calls that are about no server.
		}
		w.put(starts, float64(s.starts.Load()), name)
		w.put(restarts, float64(s.crashes.Load()), name)
		w.put(quarantines, float64(s.givenUp.Load()), name)
	}
	for key, c := range b.reloads.all() {
		w.put(reloadsTotal, float64(c.n.Load()), key[0], key[1])
	}
	w.put(others, float64(b.others.Load()))
}

// writer hands metrics to the library.
type writer struct{ out chan<- prometheus.Metric }

func (w writer) put(m Metric, value float64, labels ...string) {
	for i := range labels {
		labels[i] = valid(labels[i])
	}
	w.out <- prometheus.MustNewConstMetric(m.desc(), m.Kind, value, labels...)
}

// moment writes a time, if there was one.
func (w writer) moment(m Metric, at *time.Time, labels ...string) {
	if at != nil {
		w.put(m, float64(at.UnixNano())/float64(time.Second), labels...)
	}
}

// valid is a label as the library takes it.
func valid(label string) string { return strings.ToValidUTF8(label, "�") }

// load is how a server does, its instances included.
type load struct {
	inFlight, waiting int
	ready             bool
	began, crashed    *time.Time // the latest ones
}

// later returns the later of two times, either of which may be absent.
func later(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.After(*a) {
		return b
	}
	return a
}

// servers writes how servers do. Those beyond the bound are added up.
func (w writer) servers(list []admin.ServerStatus) {
	byState, loads := map[endpoint.State]int{}, map[string]load{}
	for _, s := range list {
		byState[endpoint.State(s.State)]++
		name := valid(cmp.Or(s.Of, s.Name))
		if _, known := loads[name]; !known && len(loads) >= MaxSets-1 {
			name = Other
		}
		l := loads[name]
		l.inFlight, l.waiting = l.inFlight+s.InFlight, l.waiting+s.Waiting
		l.ready = l.ready || s.State == string(endpoint.Ready) || s.State == string(endpoint.Idle)
		l.began, l.crashed = later(l.began, s.RunSince), later(l.crashed, s.LastCrash)
		loads[name] = l
	}
	for name, l := range loads {
		w.put(inFlight, float64(l.inFlight), name)
		w.put(waiting, float64(l.waiting), name)
		w.put(serverReady, number(l.ready), name)
		w.moment(startTime, l.began, name)
		w.moment(lastCrash, l.crashed, name)
	}
	for _, state := range states {
		w.put(servers, float64(byState[state]), string(state))
	}
}

// config writes what is in force, and since when.
func (w writer) config(st admin.Status) {
	w.put(generation, float64(st.Generation))
	w.put(since, float64(st.GenerationSince.UnixNano())/float64(time.Second))
	w.put(unreadable, number(st.RulesUnreadable != nil))
	for _, r := range st.Reloads {
		w.put(lastGood, number(r.Outcome != admin.Rejected), r.File)
		w.moment(lastSuccess, r.LastGood, r.File)
	}
}

// fleet writes how the gateway does in its fleet.
func (w writer) fleet(f admin.Fleet) {
	w.put(fleetTenure, float64(f.TenureMS)/1000)
	w.put(fleetContact, float64(f.StoreSilentMS)/1000)
	w.put(fleetGeneration, float64(f.Generation))
	owned := 0
	for _, node := range f.Owners {
		if node == f.Node {
			owned++
		}
	}
	w.put(fleetOwned, float64(owned))
	w.put(fleetNodes, float64(len(f.Nodes)))
	unreached := map[string]bool{} // What it asked, and what calls met.
	for _, n := range f.Nodes {
		if n.ID == f.Node {
			for _, id := range n.Unreached {
				unreached[id] = true
			}
		}
	}
	for id := range f.Unreached {
		unreached[id] = true
	}
	w.put(fleetUnreached, float64(len(unreached)))
	w.put(fleetStuck, float64(len(f.Stuck)))
	waiting := 0
	for _, wait := range f.Waits {
		if wait.Node == f.Node {
			waiting++
		}
	}
	w.put(fleetWaiting, float64(waiting))
	off := int64(0)
	for _, ms := range f.ClocksMS {
		off = max(off, ms, -ms)
	}
	w.put(fleetClock, float64(off)/1000)
	w.moment(fleetCertificate, f.CertificateEnds)
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of what a Book counts.
const (
	// MaxSets is how many sets of labels a metric has at most.
	MaxSets = 2000
	// keptForOther are those of them that only sets with other are for.
	keptForOther = 64
	// Other stands for what no file and no list names, and for what is beyond the
	// bound.
	Other = "other"
)

// Call is a call that has ended, as the audit log has it. What is about no
// server or tool leaves these empty.
type Call struct {
	Server, Tool, Agent, Outcome string
	// Refused is set if the call was not given to its server.
	Refused bool
	Took    time.Duration
	// Sent and Got are the bytes of the params that its server was sent and of its
	// answer.
	Sent, Got int
}

// Known reports which of these names the files and the servers' lists have. It is
// asked once for each set of labels, and for each call by a name that it does not
// know; it must not block.
type Known func(agent, server, tool string) (agentIs, serverIs, toolIs bool)

// Book counts what happens, for as long as the process lives: nothing is taken
// back when an entry changes. What is a moment or a state it leaves to the status. Its methods may be called from any goroutine.
type Book struct {
	known   Known
	calls   family[labels, counter]
	servers family[string, perServer]
	refused family[string, counter]
	reloads family[[2]string, counter]
	others  atomic.Uint64
}

// labels are those of gatehouse_calls_total.
type labels struct{ server, tool, agent, outcome string }

type counter struct{ n atomic.Uint64 }

// perServer is what is counted of one server.
type perServer struct {
	took             histogram
	sent, got        atomic.Uint64
	crashes, givenUp atomic.Uint64
	starts           atomic.Uint64
}

// NewBook makes a Book that has counted nothing.
func NewBook(known Known) *Book { return &Book{known: known} }

// Call counts a call. It allocates nothing once its labels are known.
func (b *Book) Call(c Call) {
	set := labels{c.Server, c.Tool, c.Agent, c.Outcome}
	server, ok := b.calls.get(set)
	if !ok {
		server, set = b.admit(set)
	}
	server.n.Add(1)
	of := b.server(set.server)
	of.took.add(c.Took)
	of.sent.Add(uint64(max(c.Sent, 0)))
	of.got.Add(uint64(max(c.Got, 0)))
	if c.Refused {
		b.refused.of(c.Outcome, MaxSets).n.Add(1)
	}
}

// admit finds the counter of a set that is not there yet: with Other for what is
// not known, and for all of it if there are too many sets.
func (b *Book) admit(set labels) (*counter, labels) {
	agent, server, tool := b.known(set.agent, set.server, set.tool)
	given := set
	set.agent, set.server, set.tool = orOther(set.agent, agent), orOther(set.server, server), orOther(set.tool, tool)
	c := b.calls.of(set, MaxSets-keptForOther)
	if c == nil {
		set = labels{Other, Other, Other, set.outcome}
		c = b.calls.of(set, MaxSets)
	}
	if set != given {
		b.others.Add(1)
	}
	return c, set
}

// orOther is a name that is known, and Other for one that somebody made up.
func orOther(name string, known bool) string {
	if known || name == "" {
		return name
	}
	return Other
}

// server is what is counted of a server, or of Other if there are too many.
func (b *Book) server(name string) *perServer {
	if s := b.servers.of(name, MaxSets-keptForOther); s != nil {
		return s
	}
	return b.servers.of(Other, MaxSets)
}

// Started counts a run of a server that begins.
func (b *Book) Started(server string) { b.server(server).starts.Add(1) }

// Crashed counts a run of a server that has ended by itself.
func (b *Book) Crashed(server string) { b.server(server).crashes.Add(1) }

// Quarantined counts a server that has failed too often.
func (b *Book) Quarantined(server string) { b.server(server).givenUp.Add(1) }

// Reloaded counts what became of a change of a file.
func (b *Book) Reloaded(file, outcome string) {
	c := b.reloads.of([2]string{file, outcome}, MaxSets-keptForOther)
	if c == nil {
		c = b.reloads.of([2]string{Other, outcome}, MaxSets)
	}
	c.n.Add(1)
}

// family are values by their labels.
type family[K comparable, V any] struct {
	mu   sync.RWMutex
	sets map[K]*V
}

func (f *family[K, V]) get(key K) (*V, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	v, ok := f.sets[key]
	return v, ok
}

// of returns the value of a set, which it adds if it is new. It is nil if there
// are as many as limit.
func (f *family[K, V]) of(key K, limit int) *V {
	if v, ok := f.get(key); ok {
		return v
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.sets[key]
	switch {
	case ok:
		return v
	case len(f.sets) >= limit:
		return nil
	case f.sets == nil:
		f.sets = map[K]*V{}
	}
	v = new(V)
	f.sets[cloned(key)] = v
	return v
}

// cloned is a key that holds on to nothing: a name may be part of a message.
func cloned[K comparable](key K) K {
	switch k := any(&key).(type) {
	case *string:
		*k = strings.Clone(*k)
	case *[2]string:
		k[0], k[1] = strings.Clone(k[0]), strings.Clone(k[1])
	case *labels:
		*k = labels{strings.Clone(k.server), strings.Clone(k.tool), strings.Clone(k.agent), strings.Clone(k.outcome)}
	}
	return key
}

// all is a copy of the sets.
func (f *family[K, V]) all() map[K]*V {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return maps.Clone(f.sets)
}

// bounds are the upper ends of a histogram's buckets, in seconds.
var bounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// histogram counts how long calls took.
type histogram struct {
	buckets [17]atomic.Uint64 // one more than bounds
	nanos   atomic.Uint64     // the sum
}

func (h *histogram) add(took time.Duration) {
	i, _ := slices.BinarySearch(bounds, took.Seconds())
	h.buckets[i].Add(1)
	h.nanos.Add(uint64(max(took, 0)))
}

// read returns the count, the sum in seconds, and how many are up to each bound.
func (h *histogram) read() (count uint64, sum float64, upTo map[float64]uint64) {
	upTo = make(map[float64]uint64, len(bounds))
	for i := range h.buckets {
		count += h.buckets[i].Load()
		if i < len(bounds) {
			upTo[bounds[i]] = count
		}
	}
	return count, float64(h.nanos.Load()) / float64(time.Second), upTo
}

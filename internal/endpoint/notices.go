package endpoint

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/rawjson"
)

// The notifications of servers that agents may ask for.
const (
	NoticeUpdated = "notifications/resources/updated"
	NoticeLogged  = "notifications/message"
	// NoticeTask says how it stands with a task: NoticeTaskOld before 2026-07-28.
	NoticeTask    = "notifications/tasks"
	NoticeTaskOld = "notifications/tasks/status"
)

// What may be subscribed to of one server, or of an instance of it: how many resources and
// tasks, and how many bytes their names may have as JSON, all together.
const (
	MaxTopics     = 10_000
	MaxTopicBytes = 1 << 20
)

// ErrTooManySubscriptions means that there are as many as there may be.
var ErrTooManySubscriptions = errors.New("there are as many subscriptions as there may be")

// Notices is who hears what a server says unasked, and so what it is to be asked for:
// one subscription for all who want a resource, and the most verbose level that
// somebody wants. It belongs to a server, and outlives its runs and its cells. Its
// methods may be called from any goroutine, and but for AwaitLevel never block.
type Notices struct {
	mu      sync.Mutex
	topics  map[Topic]*topic
	bytes   int     // of all topics
	early   []early // said of tasks that nobody knew yet
	loggers map[*Logger]struct{}
	held    Level // by calls that have ended
	release *time.Timer
	begun   uint64        // how often all had to be asked for anew
	last    uint64        // number of a wish
	told    Level         // what the server surely sends; 0 is not known
	telling chan struct{} // closed once that is another one; nil if nobody waits
	changed chan struct{} // closed once something else is wanted; nil if nobody waits

	instances map[Whose]*Notices // of a server that has instances
}

// Of is who hears what an instance of the server says, the same one as long as
// somebody wants something of it.
func (n *Notices) Of(whose Whose) *Notices {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.instances == nil {
		n.instances = map[Whose]*Notices{}
	}
	of := n.instances[whose]
	if of == nil {
		of = &Notices{}
		n.instances[whose] = of
	}
	return of
}

// forget takes out an instance that has ended, if nobody wants anything of it.
func (n *Notices) forget(whose Whose) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if of := n.instances[whose]; of != nil && of.idle() {
		delete(n.instances, whose)
	}
}

func (n *Notices) idle() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.topics) == 0 && len(n.loggers) == 0
}

// Topic is what somebody may want to hear of: a resource by its URI, or a task by the
// server's id.
type Topic struct {
	Name string
	Task bool
}

// topic is a Topic that somebody wants to hear of.
type topic struct {
	subscribers map[*Subscription]struct{}
	bytes       int    // of the name, as JSON
	version     uint64 // changes when the server is to be asked
	open        bool   // the server has been asked, and has agreed
	failed      bool   // it has been asked, and has not
	was         bool   // it had agreed before
}

// Subscription is somebody's wish to hear of a resource or a task.
type Subscription struct {
	of      *Notices
	topic   Topic
	hear    func(name string, params json.RawMessage)
	settled chan struct{}
	answer  Response
	err     error
}

// Subscribe has hear called with the URI whenever the server says that it was
// updated, or something below it: not with locks held, and it must not block. The
// subscription is Settled once the server has been asked; End must follow.
func (n *Notices) Subscribe(uri string, hear func(uri string)) (*Subscription, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.subscribe(Topic{Name: uri}, func(uri string, _ json.RawMessage) { hear(uri) })
}

// subscribe makes a subscription. The mutex is held.
func (n *Notices) subscribe(to Topic, hear func(name string, params json.RawMessage)) (*Subscription, error) {
	t := n.topics[to]
	if t == nil {
		size := len(rawjson.AppendString(nil, to.Name))
		if len(n.topics) >= MaxTopics || n.bytes+size > MaxTopicBytes {
			return nil, ErrTooManySubscriptions
		}
		if n.topics == nil {
			n.topics = map[Topic]*topic{}
		}
		t = &topic{subscribers: map[*Subscription]struct{}{}, failed: true, bytes: size}
		n.topics[to] = t
		n.bytes += size
	}
	s := &Subscription{of: n, topic: to, hear: hear, settled: make(chan struct{})}
	t.subscribers[s] = struct{}{}
	if t.open {
		close(s.settled)
		return s, nil
	}
	if t.failed { // It is asked for, or asked for once more.
		t.failed = false
		t.version = n.number()
		n.change()
	}
	return s, nil
}

// number makes a number of a wish. The mutex is held.
func (n *Notices) number() uint64 {
	n.last++
	return n.last
}

// Settled is closed once Answer is known.
func (s *Subscription) Settled() <-chan struct{} { return s.settled }

// Answer is what the server answered, once the subscription is settled; empty if it
// was asked by another before. After an error, of either kind, the subscription has
// ended.
func (s *Subscription) Answer() (Response, error) { return s.answer, s.err }

// End ends the wish. Repeating it does no harm.
func (s *Subscription) End() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	t := s.of.topics[s.topic]
	if t == nil {
		return
	}
	if delete(t.subscribers, s); len(t.subscribers) == 0 {
		s.of.drop(s.topic)
		s.of.change()
	}
}

// drop forgets a topic that there is. The mutex is held.
func (n *Notices) drop(t Topic) {
	n.bytes -= n.topics[t].bytes
	delete(n.topics, t)
}

// change wakes who waits for it. The mutex is held.
func (n *Notices) change() {
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
}

// Wanted is what a server is to be asked for.
type Wanted struct {
	// Topics are what somebody wants to hear of, each with a number that is another one
	// when the server is to be asked once more.
	Topics map[Topic]uint64
	Level  Level
	// Begun is another number once all is to be asked for anew.
	Begun uint64
}

// Wanted returns what is wanted now. changed is closed once that is something else.
func (n *Notices) Wanted() (w Wanted, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed == nil {
		n.changed = make(chan struct{})
	}
	w = Wanted{Level: n.held, Begun: n.begun, Topics: make(map[Topic]uint64, len(n.topics))}
	for topic, t := range n.topics {
		w.Topics[topic] = t.version
	}
	for l := range n.loggers {
		w.Level = moreVerbose(w.Level, l.level)
	}
	return w, n.changed
}

// Forgotten says that the server knows nothing of what it was asked for: it, or its
// session, is a new one.
func (n *Notices) Forgotten() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begun++
	n.told, n.early = 0, nil
	for _, t := range n.topics {
		t.version = n.number()
		t.was = t.was || t.open
		t.open, t.failed = false, false
	}
	n.change()
}

// Settle says what a server has answered to the wish to hear of something. A resource
// that had been subscribed to before the server forgot it may have changed meanwhile:
// who wants it is told so.
func (n *Notices) Settle(topic Topic, version uint64, answer Response, err error) {
	n.mu.Lock()
	t := n.topics[topic]
	if t == nil || t.version != version {
		n.mu.Unlock()
		return
	}
	failed := err != nil || answer.Error != nil
	var told []*Subscription
	for s := range t.subscribers {
		select {
		case <-s.settled:
			if !failed && t.was && !topic.Task {
				told = append(told, s)
			}
			continue
		default:
		}
		if s.answer, s.err = answer, err; failed {
			delete(t.subscribers, s)
		}
		close(s.settled)
	}
	t.open, t.failed = !failed, failed
	if len(t.subscribers) == 0 {
		n.drop(topic)
	}
	n.mu.Unlock()
	for _, s := range told {
		s.hear(topic.Name, nil)
	}
}

// Hear takes a notification of the server. Of others than those that can be asked for
// nothing is done.
func (n *Notices) Hear(method string, params json.RawMessage) {
	switch method {
	case NoticeUpdated:
		n.updated(rawjson.Text(rawjson.Get(params, "uri")))
	case NoticeLogged:
		n.logged(params)
	case NoticeTask, NoticeTaskOld:
		n.taskSaid(params, method == NoticeTaskOld)
	}
}

// updated tells those who want to hear of a resource, or of one above it.
func (n *Notices) updated(uri string) {
	if uri == "" {
		return
	}
	var told []*Subscription
	n.mu.Lock()
	if t := n.topics[Topic{Name: uri}]; t != nil {
		told = append(told, keys(t.subscribers)...)
	}
	for at, t := range n.topics {
		if !at.Task && at.Name != uri && below(uri, at.Name) {
			told = append(told, keys(t.subscribers)...)
		}
	}
	n.mu.Unlock()
	for _, s := range told {
		s.hear(uri, nil)
	}
}

// below reports whether a URI is that of something in what another one names.
func below(uri, above string) bool {
	rest, ok := strings.CutPrefix(uri, above)
	return ok && (strings.HasSuffix(above, "/") || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "#"))
}

func keys[K comparable](set map[K]struct{}) (list []K) {
	for k := range maps.Keys(set) {
		list = append(list, k)
	}
	return list
}

// Notices are who hears what the server says unasked.
func (c *Cell) Notices() *Notices { return c.notices }

// Instead has the cell go on with who hears what the server of an older cell says, and with
// the numbers of its runs, and returns it. It is called before others know the cell.
func (c *Cell) Instead(old *Cell) *Cell {
	c.notices = old.notices
	c.runs.Store(old.runs.Load())
	return c
}

package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"maps"
	"slices"
	"time"
)

// pace is how many full lines somebody gets: burst at once, and then so many a second.
type pace struct{ burst, perSecond float64 }

var (
	refusedPace    = pace{burst: 500, perSecond: 20} // of each credential and agent
	credentialPace = pace{burst: 10, perSecond: 1}   // of each address
)

const (
	// maxPaced is how many have a pace of their own; what comes beyond shares one.
	maxPaced = 4096
	// summarizeEvery is how long refusals without a line of their own are
	// gathered into one.
	summarizeEvery = time.Second
	// MaxWait is how long Append asks its caller to wait at most.
	MaxWait = time.Second
)

// pacer keeps what each one has left.
type pacer struct {
	budgets map[string]*budget
	timer   *time.Timer // of the summaries that are due; nil if none are
}

// budget is what one of them has left, and what came beyond it.
type budget struct {
	pace
	left float64
	at   time.Time
	over Event // stands for what got no line; its Count is 0 if there is nothing
	hash hash.Hash
}

// of returns the budget of a key.
func (p *pacer) of(key string, by pace, now time.Time) *budget {
	b, ok := p.budgets[key]
	if !ok && len(p.budgets) >= maxPaced {
		p.forget(now)
		if len(p.budgets) >= maxPaced {
			key = "others"
			b, ok = p.budgets[key]
		}
	}
	if !ok {
		if p.budgets == nil {
			p.budgets = map[string]*budget{}
		}
		b = &budget{pace: by, left: by.burst, at: now}
		p.budgets[key] = b
	}
	b.left = min(b.burst, b.left+b.perSecond*max(0, now.Sub(b.at).Seconds()))
	b.at = now
	return b
}

// forget lets go of those who have been quiet for so long that they would begin
// with a full budget anyway.
func (p *pacer) forget(now time.Time) {
	for key, b := range p.budgets {
		if b.over.Count == 0 && b.left+b.perSecond*now.Sub(b.at).Seconds() >= b.burst {
			delete(p.budgets, key)
		}
	}
}

// paced reports whether something may have a line of its own. If not, it is
// counted, its name goes into a hash, and a line about all of them comes within a
// second. The caller holds the lock.
func (l *Log) paced(key string, by pace, e Event, name string) bool {
	b := l.pacer.of(key, by, time.Now())
	if b.left >= 1 && !l.crowded() {
		b.left--
		return true
	}
	b.left = max(b.left-1, -b.perSecond*MaxWait.Seconds())
	if b.over.Count == 0 {
		b.over, b.hash = e, sha256.New()
	}
	b.over.Count++
	_, _ = io.WriteString(b.hash, name) // A hash takes everything.
	l.summarized++
	if l.pacer.timer == nil {
		l.pacer.timer = time.AfterFunc(summarizeEvery, l.summarize)
	}
	return false
}

// crowded reports whether refusals should leave the rest of the queue to calls
// that were allowed.
func (l *Log) crowded() bool { return l.queued >= maxQueued/2 || l.bytes >= maxQueuedBytes/2 }

// sender is whose call a record is of.
type sender struct{ credential, agent string }

// greedy reports whether the queue is nearly full and more than half of it are
// calls of the one who made this one: what is left is for others. It counts only
// then, which is while the disk hangs, and from then on as entries come: looking
// through a full queue at each call would be the slowest when the calls are most.
func (l *Log) greedy(r *Record, size int) bool {
	if l.closed || l.queued < maxQueued*3/4 && l.bytes+size < maxQueuedBytes*3/4 {
		return false
	}
	if l.shares == nil {
		l.shares = map[sender]int{}
		for i := range l.queue {
			l.share(&l.queue[i])
		}
	}
	return l.shares[sender{r.Credential, r.AgentID}] > len(l.queue)/2
}

// share counts an entry of the queue as its sender's.
func (l *Log) share(e *entry) {
	if l.shares != nil && e.event == nil {
		l.shares[sender{e.record.Credential, e.record.AgentID}]++
	}
}

// wait is how long somebody should wait before the next refusal.
func (l *Log) wait(key string, by pace) time.Duration {
	b := l.pacer.of(key, by, time.Now())
	if b.left >= 0 {
		return 0
	}
	return min(MaxWait, time.Duration(-b.left/b.perSecond*float64(time.Second)))
}

// summarize queues a line for each one that got too few.
func (l *Log) summarize() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.summarizeNow(false)
}

// summarizeNow is summarize for a caller that holds the lock. The lines wait while
// the queue is half full, unless these are the last.
func (l *Log) summarizeNow(last bool) {
	if l.pacer.timer != nil {
		l.pacer.timer.Stop()
		l.pacer.timer = nil
	}
	for _, key := range slices.Sorted(maps.Keys(l.pacer.budgets)) {
		b := l.pacer.budgets[key]
		if b.over.Count == 0 {
			continue
		}
		e := b.over
		e.Timestamp, e.Names = time.Now().UTC(), hex.EncodeToString(b.hash.Sum(nil))
		err := error(errOverflow)
		if last || l.closed || !l.crowded() {
			err = l.queueUp(entry{event: &e, size: eventSize})
		}
		switch {
		case err == nil:
		case l.closed:
			l.noteLoss(b.over.Count, err)
		default: // They are counted on until there is room.
			if l.pacer.timer == nil {
				l.pacer.timer = time.AfterFunc(summarizeEvery, l.summarize)
			}
			continue
		}
		b.over, b.hash = Event{}, nil
	}
}

// unsent are the outcomes of calls that the rules allow and the gateway refused by
// itself, as often as somebody asks: for what is not there, or beyond a limit.
// Those that a server's state explains are not among them.
var unsent = []string{"RATE_LIMITED", "CALL_BLOCKED", "RULES_UNREADABLE", "CONFIG_STALE", "INVALID_ARGUMENT", "SERVER_NOT_FOUND", "TOOL_NOT_FOUND"}

// refused reports whether a record is of a call that costs its sender nothing.
func refused(r Record) bool {
	return r.Decision == Deny || r.Decision == Error || r.Outcome != "ok" && slices.Contains(unsent, r.Outcome)
}

// refusal is the Event that stands for refused calls such as r.
func refusal(r Record) Event {
	return Event{Kind: Refused, AgentID: r.AgentID, Credential: r.Credential, Client: r.Client, PolicyHash: r.PolicyHash, Generation: r.Generation}
}

// asked is what a call asked for, for the hash of many.
func asked(r Record) string {
	return r.Operation + "\x00" + r.Server + "\x00" + r.Tool + "\x00" + r.Resource + "\x00" + r.Prompt + "\x00" + r.RequestedAgent + "\x00" + r.Outcome + "\n"
}

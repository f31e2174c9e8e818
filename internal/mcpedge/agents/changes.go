package agents

import (
	"context"
	"slices"
	"sync"
	"time"
)

// changeGap is how long a session hears of no more changes of its lists after it
// has heard of some.
const changeGap = time.Second

// changed are the methods by which clients hear of changes.
var changed = [listKinds]string{
	ToolsList:     "notifications/tools/list_changed",
	ResourcesList: "notifications/resources/list_changed",
	TemplatesList: "notifications/resources/list_changed",
	PromptsList:   "notifications/prompts/list_changed",
}

// told is what a client has been told of the lists that it sees: those that it
// finds as it opens its session, then each change. Its streams share it, so that it
// hears of each once.
type told struct {
	mu    sync.Mutex
	marks Marks
	last  time.Time // when it was told of a change

	inbox *Inbox // what else it is to be told; nil where there is nothing
}

// newTold is for a client that opens a session now.
func (e *Edge) newTold(p *peer, marks Marks) *told {
	t := &told{marks: marks}
	if p.surface != nil {
		t.inbox = NewInbox(&e.lost)
	}
	return t
}

// mail is the client's inbox; nil if it has none. A nil told has none.
func (t *told) mail() *Inbox {
	if t == nil {
		return nil
	}
	return t.inbox
}

// renewer is a Surface that has something to do for a client when what it shows may
// have changed.
type renewer interface{ Renew(c Caller) }

// pause is how long the client should not be told of changes.
func (t *told) pause(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last.Add(changeGap).Sub(now)
}

// news returns the lists that are others than the client knows. Resources and
// prompts that become known are no change: nobody can have seen them.
func (t *told) news(next Marks) (kinds []ListKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.newsLocked(next)
}

func (t *told) newsLocked(next Marks) (kinds []ListKind) {
	for i, mark := range next {
		switch kind := ListKind(i); {
		case mark == t.marks[i], mark == 0:
		case t.marks[i] == 0 && kind != ToolsList:
			t.marks[i] = mark
		default:
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// take is news of which the client is told now, by one of its streams.
func (t *told) take(next Marks, now time.Time) []ListKind {
	t.mu.Lock()
	defer t.mu.Unlock()
	kinds := t.newsLocked(next)
	for _, kind := range kinds {
		t.marks[kind] = next[kind]
		t.last = now
	}
	if slices.Contains(kinds, ResourcesList) {
		kinds = slices.DeleteFunc(kinds, func(kind ListKind) bool { return kind == TemplatesList })
	}
	return kinds
}

// watch tells a client of changes of its lists until ctx ends.
func watch(ctx context.Context, s lists, c Caller, t *told, tell func(ListKind)) {
	for {
		changed := s.Changed()
		if r, ok := s.(renewer); ok && c.Inbox != nil {
			r.Renew(c)
		}
		if t.news(s.Marks(c)) != nil {
			if !sleep(ctx, t.pause(time.Now())) {
				return
			}
			for _, kind := range t.take(s.Marks(c), time.Now()) {
				tell(kind)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// sleep reports whether it has come to its end before ctx.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// changeNotice is the notification of a change in the older revisions.
func changeNotice(kind ListKind) []byte {
	return []byte(`{"jsonrpc":"2.0","method":"` + changed[kind] + `"}`)
}

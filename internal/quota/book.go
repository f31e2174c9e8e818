package quota

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/policy"
)

// Key is whose calls count together.
type Key struct {
	// Credential is the id of a credential, empty without one.
	Credential string
	// Agent is an agent of the rules.
	Agent string
}

// Kind is what there is too much of.
type Kind int

// The kinds.
const (
	Calls Kind = iota + 1
	Concurrent
	Bytes
)

// Exceeded says which limit a call would exceed.
type Exceeded struct {
	Kind  Kind
	Limit policy.Limit
	// Burst is how many calls may come at once.
	Burst int64
	// Server and Tool are the patterns of an entry of per_tool, else empty.
	Server, Tool string
	// Wait is in how long it is worth trying again.
	Wait time.Duration
}

// maxUsers is how many are kept. Beyond that those are forgotten who have used
// nothing lately; if all have, newcomers of an agent share one account.
const maxUsers = 10_000

// shared is the credential of that account. No credential has this id.
const shared = "\x00"

// Book counts. The zero Book is empty. Its methods may be called from any
// goroutine and do not block.
type Book struct {
	mu     sync.RWMutex
	users  map[Key]*user
	forgot time.Time // when those were looked for last who have used nothing
}

// user is one account.
type user struct {
	mu     sync.Mutex
	limits *policy.Limits // by which it is set up
	all    usage
	tools  map[toolKey]*usage

	refused uint64
	last    Exceeded
	lastAt  time.Time
}

// toolKey names an entry of per_tool.
type toolKey struct{ server, tool string }

// Ticket is a call that has been counted. The zero Ticket is none.
type Ticket struct {
	user  *user
	tools []*usage // those of per_tool that it counts for
}

// Enter counts a call, or says which limit it would exceed: then nothing is
// counted but the refusal. Leave must follow if ok. Without a tool no entry of
// per_tool counts it.
func (b *Book) Enter(k Key, limits *policy.Limits, server, tool string, now time.Time) (t Ticket, over Exceeded, ok bool) {
	u := b.user(k, now)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fit(limits, now)
	over = u.all.exceeded(now)
	for i := range limits.PerTool {
		entry := &limits.PerTool[i]
		if tool == "" || !entry.Matches(server, tool) {
			continue
		}
		use := u.tools[keyOf(entry)]
		t.tools = append(t.tools, use)
		if one := use.exceeded(now); one.Wait > over.Wait {
			over = one
			over.Server, over.Tool = entry.Server.Pattern, entry.Tool.Pattern
		}
	}
	if over.Kind != 0 {
		u.refused++
		u.last, u.lastAt = over, now
		return Ticket{}, over, false
	}
	t.user = u
	u.all.enter(now)
	for _, use := range t.tools {
		use.enter(now)
	}
	return t, over, true
}

// Answered counts the bytes of an answer.
func (t *Ticket) Answered(n int, now time.Time) {
	if t.user == nil {
		return
	}
	t.user.mu.Lock()
	defer t.user.mu.Unlock()
	t.user.all.bytes.take(int64(n), now)
	for _, use := range t.tools {
		use.bytes.take(int64(n), now)
	}
}

// Held reports whether the ticket is of a call that has been counted.
func (t *Ticket) Held() bool { return t.user != nil }

// Leave ends the call, once.
func (t *Ticket) Leave() {
	if t.user == nil {
		return
	}
	t.user.mu.Lock()
	defer t.user.mu.Unlock()
	t.user.all.running--
	for _, use := range t.tools {
		use.running--
	}
	*t = Ticket{}
}

func keyOf(entry *policy.ToolLimits) toolKey {
	return toolKey{entry.Server.Pattern, entry.Tool.Pattern}
}

// fit brings the account in line with limits, which may be those of a later
// generation. What was used of an entry of per_tool that is gone is forgotten.
func (u *user) fit(limits *policy.Limits, now time.Time) {
	if u.limits == limits {
		return
	}
	u.limits = limits
	u.all.fit(limits.Amounts, now)
	old := u.tools
	u.tools = make(map[toolKey]*usage, len(limits.PerTool))
	for i := range limits.PerTool {
		entry := &limits.PerTool[i]
		use := old[keyOf(entry)]
		if use == nil {
			use = &usage{}
		}
		use.fit(entry.Amounts, now)
		u.tools[keyOf(entry)] = use
	}
}

// user finds an account, or opens it.
func (b *Book) user(k Key, now time.Time) *user {
	b.mu.RLock()
	u := b.users[k]
	b.mu.RUnlock()
	if u != nil {
		return u
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users == nil {
		b.users = map[Key]*user{}
	}
	if len(b.users) >= maxUsers && b.users[k] == nil {
		b.forget(now)
		if len(b.users) >= maxUsers {
			k.Credential = shared
		}
	}
	if b.users[k] == nil {
		b.users[k] = &user{}
	}
	return b.users[k]
}

// forget drops the accounts that have nothing used, at most once a second. The
// caller holds the mutex.
func (b *Book) forget(now time.Time) {
	if now.Sub(b.forgot) < time.Second {
		return
	}
	b.forgot = now
	for k, u := range b.users {
		if k.Credential != shared && u.idle(now) {
			delete(b.users, k)
		}
	}
}

func (u *user) idle(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range u.tools {
		if !use.idle(now) {
			return false
		}
	}
	return u.limits != nil && u.all.idle(now)
}

// Refused is an account some of whose calls have been refused.
type Refused struct {
	Key

	// Calls counts them since the account was opened.
	Calls uint64
	// Last is why the last one was, and At when.
	Last Exceeded
	At   time.Time
}

// Refused lists the accounts with refusals, the latest first, at most that many.
func (b *Book) Refused(most int) []Refused {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var list []Refused
	for k, u := range b.users {
		u.mu.Lock()
		if u.refused > 0 {
			list = append(list, Refused{k, u.refused, u.last, u.lastAt})
		}
		u.mu.Unlock()
	}
	slices.SortFunc(list, func(x, y Refused) int {
		return cmp.Or(y.At.Compare(x.At), strings.Compare(x.Agent, y.Agent), strings.Compare(x.Credential, y.Credential))
	})
	return list[:min(len(list), most)]
}

package blame

import (
	"slices"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
)

// answeredFor is how long ago a call may have been answered that ends a server
// beside no other.
const answeredFor = time.Second

// Memory is how long a crash counts.
const Memory = time.Hour

// The numbers of crashes that decide.
const (
	ofOneTool  = 2 // a caller's own, with one tool
	ofHints    = 3 // with those at which others ran as well
	ofTools    = 3 // a caller's own, over several tools
	ofNames    = 4 // an origin's own, by several names that are not blocked
	ofBlocked  = 3 // names of one origin that are blocked
	ofPoison   = 3 // of as many others, each right after a call of the caller
	ofSuspects = 2 // at which an origin ran beside others
	ofKills    = 5 // by a signal, before any of them counts
)

// The limits of what is kept for one server.
const (
	maxCrashes = 64
	maxBlocks  = 256
)

// Crash is one end of a server that had been ready.
type Crash struct {
	At    time.Time
	Calls endpoint.Calls
	// Killed means that a signal ended it that others send: it may be the doing of
	// a person or of the system, and of no call.
	Killed bool
	// Reason is why, in one line without secrets.
	Reason string
}

// Terms are how long a block lasts, and a trial at most.
type Terms struct{ Block, Trial time.Duration }

// firstTrial is how long the first trial lasts. Each crash that shows nothing makes
// the next one longer by as much.
const firstTrial = 10 * time.Second

// Verdict is what follows from a crash.
type Verdict struct {
	// Blamed means that the crash is a caller's, and not the server's. So are
	// the earlier ones at the times in Forgiven.
	Blamed   bool
	Forgiven []time.Time
	// Fresh are the blocks that it leads to.
	Fresh []endpoint.Block
	// Guard is what the server's cell needs from now on; nil is nothing.
	Guard *endpoint.Guard
}

// Book is what is known of one server's crashes. The zero Book is empty.
type Book struct {
	past   []crash
	kills  []Crash // that don't count yet
	blocks []endpoint.Block
	trial  trial
}

// trial is the time in which suspects run one at a time.
type trial struct {
	origins map[string]bool
	ends    time.Time
}

// crash is one that is remembered.
type crash struct {
	at      time.Time
	ran     []endpoint.Call
	settled bool            // it is known to be owner's
	owner   endpoint.Caller // if settled
	weak    bool            // its call had been answered, so it may be chance
	before  endpoint.Caller // who may have spoilt the server for the owner
	spoilt  bool            // there is such a one
}

// has reports whether the caller's calls ran; its own crashes are among them.
func (c *crash) has(who endpoint.Caller) bool {
	return slices.ContainsFunc(c.ran, func(call endpoint.Call) bool { return call.Caller() == who })
}

func (c *crash) hasOrigin(origin string) bool {
	return slices.ContainsFunc(c.ran, func(call endpoint.Call) bool { return call.Origin == origin })
}

// Note takes in a crash.
func (b *Book) Note(c Crash, terms Terms) Verdict {
	b.forget(c.At)
	var v Verdict
	if c.Killed && !b.countsKill(c) {
		v.Guard = b.guard(c.At)
		return v
	}
	if now, ok := b.read(c); ok {
		b.past = append(b.past, now)
		v = b.judge(c, terms)
	}
	v.Guard = b.guard(c.At)
	return v
}

// countsKill reports whether so many kills have come that calls must be the
// reason for them. The earlier ones count then, too.
func (b *Book) countsKill(c Crash) bool {
	if len(b.kills) < ofKills-1 {
		b.kills = append(b.kills, c)
		return false
	}
	for _, earlier := range b.kills {
		if now, ok := b.read(earlier); ok {
			b.past = append(b.past, now)
		}
	}
	b.kills = slices.Delete(b.kills, 0, 1)
	return true
}

// forget drops what is too old, or too much.
func (b *Book) forget(now time.Time) {
	b.past = slices.DeleteFunc(b.past, func(c crash) bool { return now.Sub(c.at) >= Memory })
	b.kills = slices.DeleteFunc(b.kills, func(c Crash) bool { return now.Sub(c.At) >= Memory })
	b.past = b.past[max(0, len(b.past)-maxCrashes+1):]
	b.blocks = slices.DeleteFunc(b.blocks, func(k endpoint.Block) bool { return !now.Before(k.Until) })
	if !now.Before(b.trial.ends) {
		b.trial = trial{}
	}
}

// read makes a crash to remember; ok is false if no call had a part in it.
func (b *Book) read(c Crash) (now crash, ok bool) {
	now = crash{at: c.At, ran: c.Calls.Ran}
	before := c.Calls.Before
	if len(now.ran) == 0 {
		if before.ID == "" || c.At.Sub(c.Calls.BeforeAt) > answeredFor {
			return now, false
		}
		now.ran, now.weak = []endpoint.Call{before}, true
	}
	now.owner, now.settled = b.ownerOf(now.ran)
	if now.settled && before.ID != "" && c.Calls.BeforeOnce && before.Caller() != now.owner {
		now.before, now.spoilt = before.Caller(), true
	}
	return now, true
}

// ownerOf returns the only caller of the calls, or the only one that is on trial.
func (b *Book) ownerOf(ran []endpoint.Call) (endpoint.Caller, bool) {
	if who, ok := only(ran); ok {
		return who, true
	}
	return only(slices.DeleteFunc(slices.Clone(ran), func(c endpoint.Call) bool { return !b.trial.origins[c.Origin] }))
}

// only returns the caller that made all the calls.
func only(calls []endpoint.Call) (who endpoint.Caller, ok bool) {
	for i, c := range calls {
		if i > 0 && c.Caller() != who {
			return who, false
		}
		who = c.Caller()
	}
	return who, len(calls) > 0
}

// judge decides on the newest crash.
func (b *Book) judge(c Crash, terms Terms) Verdict {
	now := &b.past[len(b.past)-1]
	if !now.settled {
		b.suspect(c.At, terms)
		return Verdict{}
	}
	guilty, tools := b.guilty(now)
	if spoiler, ok := b.spoiler(now); ok {
		guilty, tools = spoiler, []string{""}
		b.acquit(spoiler)
	}
	var v Verdict
	for _, tool := range tools {
		v.Fresh = append(v.Fresh, endpoint.Block{
			Caller: guilty, Tool: tool, Until: c.At.Add(terms.Block), Reason: c.Reason, Crashes: b.settle(guilty),
		})
	}
	for _, k := range v.Fresh {
		b.add(k)
	}
	if len(tools) > 0 {
		b.trial = trial{}
	}
	if earlier := b.ownedBefore(now); len(tools) > 0 || len(earlier) > 0 {
		v.Blamed, v.Forgiven = true, earlier
	}
	return v
}

// suspect puts the origins that ran at several crashes which nobody is known to
// own on trial.
func (b *Book) suspect(at time.Time, terms Terms) {
	counts, crashes := map[string]int{}, 0
	for i := range b.past {
		if b.past[i].settled {
			continue
		}
		crashes++
		seen := map[string]bool{}
		for _, call := range b.past[i].ran {
			seen[call.Origin] = true
		}
		for origin := range seen {
			counts[origin]++
		}
	}
	origins := map[string]bool{}
	for origin, n := range counts {
		if n >= ofSuspects {
			origins[origin] = true
		}
	}
	if len(origins) > 0 {
		b.trial = trial{origins, at.Add(min(terms.Trial, time.Duration(crashes-1)*firstTrial))}
	}
}

// guilty returns who is to be blocked for the newest crash, and from which
// tools; "" is all of them. Without tools nobody is.
func (b *Book) guilty(now *crash) (endpoint.Caller, []string) {
	owner := now.owner
	own, hints, names, fromOrigin := 0, 0, map[string]bool{}, 0
	blocked := b.blockedFrom(owner.Origin)
	byTool := map[string]int{}
	for i := range b.past {
		c := &b.past[i]
		mine := c.settled && c.owner == owner && !c.weak
		hint := c.has(owner) && (!c.settled || c.owner == owner && c.weak)
		switch {
		case mine:
			own++
		case hint:
			hints++
		}
		if mine || hint {
			for _, call := range c.ran {
				if call.Caller() == owner {
					byTool[call.Tool]++
				}
			}
		}
		switch {
		case c.settled && c.owner.Origin == owner.Origin && !blocked[c.owner.Agent]:
			names[c.owner.Agent] = true
			fromOrigin++
		case !c.settled && c.hasOrigin(owner.Origin):
			fromOrigin++
		}
	}
	if len(names) > 1 && fromOrigin >= ofNames {
		return endpoint.Caller{Origin: owner.Origin}, []string{""}
	}
	if own < ofOneTool && own+hints < ofHints {
		return owner, nil
	}
	var tools []string
	for _, call := range now.ran {
		if call.Caller() == owner && byTool[call.Tool] >= ofOneTool {
			tools = append(tools, call.Tool)
		}
	}
	if len(tools) == 0 && own+hints >= ofTools {
		tools = []string{""}
	}
	if blocked[owner.Agent] = true; len(tools) > 0 && len(blocked) >= ofBlocked {
		return endpoint.Caller{Origin: owner.Origin}, []string{""}
	}
	return owner, tools
}

// blockedFrom are the agents that are blocked one by one and call from an origin.
// Their crashes are explained.
func (b *Book) blockedFrom(origin string) map[string]bool {
	agents := map[string]bool{}
	for i := range b.blocks {
		if k := &b.blocks[i]; k.Origin == origin && k.Agent != "" {
			agents[k.Agent] = true
		}
	}
	return agents
}

// spoiler returns who made the last call before each of several crashes of
// others.
func (b *Book) spoiler(now *crash) (endpoint.Caller, bool) {
	if !now.spoilt {
		return endpoint.Caller{}, false
	}
	crashes, victims := 0, map[endpoint.Caller]bool{}
	for i := range b.past {
		if c := &b.past[i]; c.spoilt && c.before == now.before {
			crashes++
			victims[c.owner] = true
		}
	}
	return now.before, crashes >= ofPoison && len(victims) >= ofPoison
}

// acquit takes the crashes that a caller has led to off those who ran at them.
func (b *Book) acquit(spoiler endpoint.Caller) {
	for i := range b.past {
		c := &b.past[i]
		if !c.spoilt || c.before != spoiler {
			continue
		}
		victim := c.owner
		b.blocks = slices.DeleteFunc(b.blocks, func(k endpoint.Block) bool { return k.Caller == victim })
		c.owner, c.spoilt = spoiler, false
	}
}

// settle makes every crash at which the guilty ran their own, and counts them.
func (b *Book) settle(guilty endpoint.Caller) (crashes int) {
	for i := range b.past {
		c := &b.past[i]
		if guilty.Agent == "" {
			if c.hasOrigin(guilty.Origin) {
				crashes++
			}
			continue
		}
		if !c.settled && c.has(guilty) {
			c.owner, c.settled = guilty, true
		}
		if c.settled && c.owner == guilty {
			crashes++
		}
	}
	return crashes
}

// ownedBefore are the times of the earlier crashes from the origin of the newest.
func (b *Book) ownedBefore(now *crash) (times []time.Time) {
	for i := range b.past[:len(b.past)-1] {
		if c := &b.past[i]; c.settled && c.owner.Origin == now.owner.Origin {
			times = append(times, c.at)
		}
	}
	return times
}

// add puts a block in force, in place of an older one of the same calls.
func (b *Book) add(k endpoint.Block) {
	b.blocks = slices.DeleteFunc(b.blocks, func(old endpoint.Block) bool { return old.Caller == k.Caller && old.Tool == k.Tool })
	b.blocks = append(b.blocks, k)
	b.blocks = b.blocks[max(0, len(b.blocks)-maxBlocks):]
}

// guard is what the cell needs.
func (b *Book) guard(now time.Time) *endpoint.Guard {
	if len(b.blocks) == 0 && !now.Before(b.trial.ends) {
		return nil
	}
	g := &endpoint.Guard{Blocks: slices.Clone(b.blocks), Suspects: b.trial.origins, TrialEnds: b.trial.ends}
	slices.SortFunc(g.Blocks, func(x, y endpoint.Block) int {
		return strings.Compare(x.Agent+"\x00"+x.Origin+"\x00"+x.Tool, y.Agent+"\x00"+y.Origin+"\x00"+y.Tool)
	})
	return g
}

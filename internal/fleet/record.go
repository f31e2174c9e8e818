package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
)

// Node is what a gateway says of itself while it lives.
type Node struct {
	ID string `json:"id"`
	// Boot tells one process of this node from its next one.
	Boot string `json:"boot"`
	// Address is where its peers reach it: HOST:PORT.
	Address string    `json:"address"`
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
	// Format is the newest that it knows; 0 is 1.
	Format int `json:"format,omitempty"`
	// Generation is that which it decides by; 0 is none yet.
	Generation uint64 `json:"generation"`
	// First is the revision with which this process has first joined, if it has joined
	// again since.
	First int64 `json:"first,omitempty"`
	// Leaving means that it gives up what it owns and claims nothing any more.
	Leaving bool `json:"leaving,omitempty"`
	// Behind means that it cannot follow what is active: until it can it owns nothing.
	Behind bool `json:"behind,omitempty"`
	// Unreached are the nodes that it cannot reach: see the function of that name.
	Unreached string `json:"unreached,omitempty"`
	// Cannot are the servers that it cannot start though the fleet has agreed on them:
	// see Names.
	Cannot string `json:"cannot,omitempty"`
	// Waits are the servers that it has claimed and does not start yet: see the function
	// of that name.
	Waits string `json:"waits,omitempty"`
	// Still are the servers of which something runs at this node though it does not own
	// them and the fleet runs them once, by the generation that it decides by: see Names.
	Still string `json:"still,omitempty"`
}

// Stays reports whether it may own what it does not own yet.
func (n Node) Stays() bool { return !n.Leaving && !n.Behind }

// Can reports whether it may own a key that it does not own yet: it stays, and has not
// said that it cannot start the server.
func (n Node) Can(key string) bool { return n.Stays() && !n.lacks(key) }

func (n Node) lacks(key string) bool { return lists(n.Cannot, key) }

// StillRuns reports whether it says that something of a key runs there, or may: there was
// no place for more names.
func (n Node) StillRuns(key string) bool {
	return lists(n.Still, key) || strings.HasSuffix(n.Still, More)
}

// lists reports whether a text of Names has the server of a key.
func lists(names, key string) bool {
	if names == "" {
		return false // As nearly always.
	}
	server, _ := SplitKey(key)
	return slices.Contains(strings.Fields(names), escape(server))
}

// maxNames and maxNameBytes bound what a node lists of itself: it is written again whenever
// anything changes that the node says.
const (
	maxNames     = 1000
	maxNameBytes = 64 << 10
)

// More stands in a text of Names for those that had no place. No server has this name there.
const More = "…"

// Names is how names of servers stand in one text, sorted. It has no more of them than a
// node may say.
func Names(names []string) string {
	escaped := make([]string, len(names))
	for i, n := range names {
		escaped[i] = escape(n)
	}
	slices.Sort(escaped)
	escaped = slices.Compact(escaped)
	var b strings.Builder
	for i, n := range escaped {
		if i == maxNames || b.Len()+len(n) > maxNameBytes {
			b.WriteString(" " + More)
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(n)
	}
	return strings.TrimPrefix(b.String(), " ")
}

// NamesIn undoes Names. What Names does not write it leaves as it is.
func NamesIn(text string) (names []string) {
	for escaped := range strings.FieldsSeq(text) {
		name, err := url.PathUnescape(escaped)
		if err != nil {
			name = escaped
		}
		names = append(names, name)
	}
	return names
}

// Owner says who runs a server, and since which claim.
type Owner struct {
	Node    string `json:"node"`
	Boot    string `json:"boot"`
	Address string `json:"address"`
	// Epoch is given by the store with the claim and grows with each.
	Epoch int64 `json:"-"`
}

// VoidClaim is a claim without a lease, which counts for nobody. Until it was overwritten it may have been that
// of a node that has joined before it was made.
type VoidClaim struct {
	Created  int64 // the revision that made it
	Modified int64 // the revision that wrote it last
}

// Record is what the owner of a server says of it, and what the next owner goes on
// with.
type Record struct {
	State    endpoint.State `json:"state"`
	Since    time.Time      `json:"since"`
	Run      uint64         `json:"run"`
	PID      int            `json:"pid,omitempty"`
	Restarts int            `json:"restarts,omitempty"`
	Opened   int            `json:"opened,omitempty"`
	Reason   string         `json:"reason,omitempty"` // redacted
	RetryAt  time.Time      `json:"retry_at,omitzero"`
	// Catalog changes with what the server lists.
	Catalog string `json:"catalog,omitempty"`
	// Era is how a conversation with the server begins, as its owner has found out; the next
	// one need not. Of is the ServersHash of the Content that was in force then.
	Era endpoint.Era `json:"era,omitempty"`
	Of  string       `json:"of,omitempty"`
	// Busy means that the server is starting or has calls in flight: the death of
	// its node counts as a failure of it.
	Busy bool `json:"busy,omitempty"`
	// History is that of its failures, in the form of package restart.
	History []byte `json:"history,omitempty"`
	// Suspects are the tools that may have ended it.
	Suspects []string `json:"suspects,omitempty"`
	Epoch    int64    `json:"epoch"` // of the owner that wrote it
	Node     string   `json:"node"`  // the owner that wrote it
	// Address is where peers reach that.
	Address string `json:"address,omitempty"`
	// Next is the node that shall own it next: an operator says so, or its owner leaves.
	Next string `json:"next,omitempty"`
}

// Content is a configuration of the whole fleet: the bytes of both files, with
// their variables as they are written.
type Content struct {
	Servers []byte `json:"servers"`
	Rules   []byte `json:"rules"`
	// By is who applied it, for people.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// DigestKey keys the digests of expanded entries by which nodes are compared.
	DigestKey []byte `json:"digest_key"`
	// RulesOnly means that the servers are those in force before.
	RulesOnly bool `json:"rules_only,omitempty"`
	// Candidate is the revision of the candidate that this was made active from.
	Candidate int64 `json:"candidate,omitempty"`
}

// Same reports whether two have the same files.
func (c *Content) Same(o *Content) bool {
	return c == o || c != nil && o != nil && bytes.Equal(c.Servers, o.Servers) && bytes.Equal(c.Rules, o.Rules)
}

// ServersHash tells servers files apart.
func (c *Content) ServersHash() string {
	sum := sha256.Sum256(c.Servers)
	return hex.EncodeToString(sum[:8])
}

// MaxContent is how many bytes both files may have together: stores limit what one
// request may hold.
const MaxContent = 1 << 20

// Check returns an error that wraps ErrTooLarge if the files are more than a store takes.
func (c Content) Check() error {
	if n := len(c.Servers) + len(c.Rules); n > MaxContent {
		return fmt.Errorf("%w: both files have %d bytes together, and may have %d: remove what no agent needs", ErrTooLarge, n, MaxContent)
	}
	return nil
}

// Ack is what a node says of a candidate.
type Ack struct {
	Node      string `json:"node"`
	Candidate int64  `json:"candidate"`
	// Problems are why it cannot follow; none means that it can.
	Problems []string `json:"problems,omitempty"`
	// Digests of the values of variables, by DigestName, keyed with the candidate's
	// DigestKey.
	Digests map[string]string `json:"digests,omitempty"`
}

// Hold is an operator's wish about one server, for all nodes.
type Hold struct {
	// Held is false once it has been released.
	Held  bool      `json:"held"`
	Until time.Time `json:"until,omitzero"` // zero is until it is released
	Why   string    `json:"why,omitempty"`
	By    string    `json:"by,omitempty"`
	// Despite is the node that a claim of the server made before this wish does not wait
	// for any more, whatever that says.
	Despite string `json:"despite,omitempty"`
	// Asked, when it was wished, makes it another wish than the one before.
	Asked time.Time `json:"asked,omitzero"`
	// Revision is that with which the store took the wish; set by the store.
	Revision int64 `json:"-"`
}

// Keys are those under which a wish about a server is put, all at once. One that names a
// node has a key of its own, too, the first: a later wish about the server must not take its
// place before it was seen.
func (h Hold) Keys(server string) []string {
	if h.Despite == "" {
		return []string{server}
	}
	return []string{despiteKey(server, h.Despite), server}
}

func despiteKey(server, node string) string { return KeyOf(server, node) }

// DespiteLasts is how long the key of its own of a wish that names a node stays in a
// store. Every claim that lives sees the wish within moments, and later ones are not what
// it is about.
const DespiteLasts = time.Hour

// Same reports whether two are one wish. Their revisions do not tell: they begin again
// where a backup ends.
func (h Hold) Same(o Hold) bool {
	until, asked := h.Until.Equal(o.Until), h.Asked.Equal(o.Asked)
	h.Until, h.Asked, h.Revision = o.Until, o.Asked, o.Revision
	return until && asked && h == o
}

// Restart is an operator's wish for a fresh process of a server.
type Restart struct {
	Revision int64 // of the latest
	// Name is no other restart's, which its revision may be once the store was restored.
	Name string
}

// HoldsOfServers are the wishes about servers without those that have a key of their own
// beside that, which comes and goes.
func (v View) HoldsOfServers() map[string]Hold {
	holds := maps.Clone(v.Holds)
	maps.DeleteFunc(holds, func(key string, _ Hold) bool { _, node := SplitKey(key); return node != "" })
	return holds
}

// SameWishes reports whether what operators wish is the same.
func SameWishes(holds, otherHolds map[string]Hold, restarts, otherRestarts map[string]Restart) bool {
	same := func(a, b Hold) bool { return a.Revision == b.Revision && a.Same(b) }
	return maps.EqualFunc(holds, otherHolds, same) && maps.Equal(restarts, otherRestarts)
}

// Despite returns the wishes, made after a revision, that claims of a server do not wait for
// some nodes, by node. Gateways of older versions put them under the server alone.
func (v View) Despite(server string, after int64) map[string]Hold {
	wishes := map[string]Hold{}
	for key, h := range v.Holds {
		if of, _ := SplitKey(key); of == server && h.Despite != "" && h.Revision > max(after, wishes[h.Despite].Revision) {
			wishes[h.Despite] = h
		}
	}
	return wishes
}

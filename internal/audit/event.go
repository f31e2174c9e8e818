package audit

import (
	"context"
	"net/netip"
	"time"
)

// EventKind says what an Event is about. It is the "event" of the line.
type EventKind string

// The kinds of events.
const (
	// Operator: somebody used the operator's socket, or a signal.
	Operator EventKind = "operator"
	// Reload: a file was read again.
	Reload EventKind = "reload"
	// Credential: a request was refused for its credential.
	Credential EventKind = "credential"
	// Trust: the files of a folder were approved, or are no longer.
	Trust EventKind = "trust"
	// Tools: a server's definition of a tool is new or another one.
	Tools EventKind = "tools"
	// Blocked: calls of an agent are refused from now on, as they have ended a
	// server.
	Blocked EventKind = "blocked"
	// Refused: calls beyond the rate of full lines were refused; see Append.
	Refused EventKind = "refused"
)

// kinds are those that Verify knows.
var kinds = []EventKind{Operator, Reload, Credential, Trust, Tools, Blocked, Refused}

// Event is a line about something other than one call. Kind must be set; what is
// empty is left out. Texts are cut as those of a Record are, and must hold no
// secrets.
type Event struct {
	V           int       `json:"v"`         // filled in by the Log, as are
	Timestamp   time.Time `json:"timestamp"` // (if it is zero)
	Kind        EventKind `json:"event"`
	Instance    string    `json:"instance"` // and
	Seq         uint64    `json:"seq"`      // these
	Node        string    `json:"node,omitempty"`
	Action      string    `json:"action,omitempty"`
	By          string    `json:"by,omitempty"` // who asked for it, as far as that is known
	AgentID     string    `json:"agent_id,omitempty"`
	Credential  string    `json:"credential,omitempty"` // its id
	Client      string    `json:"client,omitempty"`
	Address     string    `json:"address,omitempty"` // of the network
	Server      string    `json:"server,omitempty"`
	Tool        string    `json:"tool,omitempty"`
	File        string    `json:"file,omitempty"`
	Hash        string    `json:"hash,omitempty"`         // SHA-256 of the file, or of what is about
	Was         string    `json:"was,omitempty"`          // the same, before
	ServersHash string    `json:"servers_hash,omitempty"` // of the servers file in force afterwards
	PolicyHash  string    `json:"policy_hash,omitempty"`  // of the rules file in force afterwards
	Generation  uint64    `json:"generation,omitempty"`
	Outcome     string    `json:"outcome,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Count       uint64    `json:"count,omitempty"` // how many the line stands for, if not for one
	Names       string    `json:"names,omitempty"` // SHA-256 of what was asked for in them
}

// texts returns the fields whose length others may decide.
func (e *Event) texts() [12]*string {
	return [...]*string{
		&e.Action, &e.By, &e.AgentID, &e.Credential, &e.Client, &e.Address, &e.Server, &e.Tool, &e.File, &e.Hash, &e.Outcome, &e.Reason,
	}
}

// Note hands an event over to be written, as Append does with a record. Events
// of the kind Credential are paced by their address.
func (l *Log) Note(e Event) {
	if e.Timestamp.IsZero() {
		e.Timestamp = time.Now()
	}
	e.Timestamp = e.Timestamp.UTC()
	for _, s := range e.texts() {
		*s = cut(*s)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Kind == Credential && !l.paced(addressKey(e.Address), credentialPace, e, "") {
		return
	}
	l.note(e)
}

// note queues an event. The caller holds the lock.
func (l *Log) note(e Event) {
	if err := l.queueUp(entry{event: &e, size: eventSize}); err != nil {
		l.noteLoss(1, err)
	}
}

// eventSize is the memory that an event needs, roughly.
const eventSize = 1 << 10

// addressKey is what an address counts as: whoever has one address of a network
// of IPv6 has them all.
func addressKey(address string) string {
	host := address
	if ap, err := netip.ParseAddrPort(address); err == nil {
		host = ap.Addr().String()
	}
	addr, err := netip.ParseAddr(host)
	if err == nil && addr.Is6() && !addr.Is4In6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			host = p.String()
		}
	}
	return "address " + host
}

// Write writes events into the log at path, with a start and a stop line
// around them: for a command that acts while no gateway may be running. Any gateway
// may have the same log open. It blocks until the lines are there or ctx ends.
func Write(ctx context.Context, path string, o Options, events ...Event) error {
	l, err := Open(path, o)
	if err != nil {
		return err
	}
	for _, e := range events {
		l.Note(e)
	}
	return l.Close(ctx)
}

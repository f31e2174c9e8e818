package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/terminal"
	"gatehouse/internal/textcut"
)

// version is the number that every line carries as "v".
const version = 1

// maxString is the length in bytes at which each text of a record is cut: most
// of them come from agents.
const maxString = 256

// Decision is the outcome of a call as far as the rules are concerned.
type Decision string

// The decisions.
const (
	Allow Decision = "ALLOW"
	Deny  Decision = "DENY"
	Error Decision = "ERROR"
)

// The values of "event" in lines about calls and the log itself; those of other
// lines are the Kinds of events. A line without one says how a call ended.
const (
	eventBegin   = "begin"   // a call is about to be sent to its server
	eventStart   = "start"   // the first line of an instance
	eventStop    = "stop"    // its last one
	eventLost    = "lost"    // records are missing
	eventDropped = "dropped" // the oldest file was deleted
)

// Record is one line of the log. The Log fills in V, Event, Instance, Seq and
// Node, and Timestamp if it is zero. Texts longer than 256 bytes are cut: what is left ends in
// "…#" and 16 hexadecimal digits of the whole text's SHA-256. The JSON keys
// come in this order, and optional ones that are empty are left out; behind
// them comes "prev", the SHA-256 of the line before.
type Record struct {
	V              int       `json:"v"`
	Timestamp      time.Time `json:"timestamp"` // written in UTC, with nanoseconds
	Event          string    `json:"event,omitempty"`
	CallID         string    `json:"call_id"`
	Instance       string    `json:"instance"`
	Seq            uint64    `json:"seq"`            // from 1, per instance
	Node           string    `json:"node,omitempty"` // which gateway of a fleet wrote the line
	AgentID        string    `json:"agent_id,omitempty"`
	RequestedAgent string    `json:"requested_agent,omitempty"`
	Credential     string    `json:"credential,omitempty"` // the id of a credential, never itself
	Client         string    `json:"client,omitempty"`
	Operation      string    `json:"operation"`
	Server         string    `json:"server,omitempty"`
	Tool           string    `json:"tool,omitempty"`
	Resource       string    `json:"resource,omitempty"`    // its URI, without a password
	Prompt         string    `json:"prompt,omitempty"`      // its name
	Annotations    string    `json:"annotations,omitempty"` // of the tool, where the rules have any that ask for them
	Decision       Decision  `json:"decision"`
	Step           string    `json:"step,omitempty"`
	Rule           string    `json:"rule,omitempty"`
	Generation     uint64    `json:"generation"`
	PolicyHash     string    `json:"policy_hash,omitempty"`
	Outcome        string    `json:"outcome"`
	TraceID        string    `json:"trace_id,omitempty"` // of the trace that the call is part of, in hexadecimal digits
	Owner          string    `json:"owner,omitempty"`    // which other gateway of the fleet was sent the call, to run it
	Epoch          int64     `json:"epoch,omitempty"`    // of that gateway's claim on the server
	Hits           int       `json:"hits,omitempty"`     // of search_tools
	LatencyMS      float64   `json:"latency_ms"`
	// Sent and Got are the bytes of the params that the server was sent and of its
	// answer. They are counted, and not written.
	Sent int `json:"-"`
	Got  int `json:"-"`
}

// eventLine is one of the log's own lines.
type eventLine struct {
	V         int       `json:"v"`
	Timestamp time.Time `json:"timestamp"`
	Event     string    `json:"event"`
	Instance  string    `json:"instance"`
	Seq       uint64    `json:"seq"`
	Node      string    `json:"node,omitempty"`
	Version   string    `json:"version,omitempty"` // of the program, in the start line
	Lost      uint64    `json:"lost,omitempty"`    // records since the last lost line

	dropped
}

// dropped says which file was deleted, in a line about that.
type dropped struct {
	File   string     `json:"file,omitempty"`   // its last name
	Last   string     `json:"last,omitempty"`   // the SHA-256 of its last line
	Until  *time.Time `json:"until,omitempty"`  // when that was written
	Reason string     `json:"reason,omitempty"` // "age", or "disk" if it was younger than it should have got
}

// texts returns the fields whose length others decide.
func (r *Record) texts() [15]*string {
	return [...]*string{
		&r.CallID, &r.AgentID, &r.RequestedAgent, &r.Credential, &r.Client, &r.Operation,
		&r.Server, &r.Tool, &r.Resource, &r.Prompt, &r.Annotations, &r.Step, &r.Rule, &r.Outcome, &r.Owner,
	}
}

// bound cuts every text and returns the memory that the record needs, roughly.
func (r *Record) bound() (size int) {
	const fixed = 256
	size = fixed + len(r.PolicyHash)
	if r.Resource != "" {
		r.Resource = withoutPassword(r.Resource)
	}
	for _, s := range r.texts() {
		*s = cut(*s)
		size += len(*s)
	}
	return size
}

// cutMark is between what is left of a text that was cut and its hash.
const cutMark = textcut.Mark + "#"

// hashDigits is how many hexadecimal digits of its hash tell a long text from others.
const hashDigits = 16

// cut shortens a text to what a record may hold. Two long texts that begin alike
// can be told apart by the hash behind the mark.
func cut(s string) string {
	if len(s) <= maxString {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return textcut.To(s, maxString-len(cutMark)-hashDigits) + cutMark + hex.EncodeToString(sum[:hashDigits/2])
}

// wasCut reports whether a text is one that cut has shortened.
func wasCut(s string) bool {
	const utf8Max = 4
	at := len(s) - len(cutMark) - hashDigits
	return at > maxString-len(cutMark)-hashDigits-utf8Max && strings.HasPrefix(s[at:], cutMark)
}

// appendLine adds a record or an eventLine to buf as one line of JSON, in which
// nothing acts on a terminal or hides there: people read the file by cat and tail.
func appendLine(buf *bytes.Buffer, line any) error {
	start := buf.Len()
	if err := rawjson.Encode(buf, line); err != nil {
		buf.Truncate(start)
		return fmt.Errorf("cannot encode audit record: %w", err)
	}
	text := string(buf.Bytes()[start:])
	if shown := terminal.JSON(text); shown != text {
		buf.Truncate(start)
		buf.WriteString(shown)
	}
	return nil
}

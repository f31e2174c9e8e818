package admin

import (
	"time"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/resolve"
)

// Status is the whole of a running gateway. Durations are whole milliseconds.
// Nothing in it is secret.
type Status struct {
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Instance  string    `json:"instance"`
	Started   time.Time `json:"started"`
	UptimeMS  int64     `json:"uptime_ms"`
	Ready     bool      `json:"ready"`             // false once shutdown has begun
	Transport string    `json:"transport"`         // stdio, http or attach
	Address   string    `json:"address,omitempty"` // where agents connect over http
	Ops       string    `json:"ops,omitempty"`     // where operators connect; absent without --ops
	Attach    *Attach   `json:"attach,omitempty"`  // absent if clients cannot attach

	Pinned  []string `json:"pinned"`  // the agents that every caller is one of; empty: no pin
	Clients []string `json:"clients"` // the programs that called last, the newest first
	// Sessions is how many sessions over HTTP are open.
	Sessions int `json:"sessions"`
	// NoticesLost is how many notifications were dropped because clients read too slowly.
	NoticesLost uint64 `json:"notices_lost,omitempty"`

	Generation      uint64    `json:"generation"`
	GenerationSince time.Time `json:"generation_since"`
	GenerationAgeMS int64     `json:"generation_age_ms"`
	PolicyHash      string    `json:"policy_hash"` // SHA-256 of the rules file in force

	RulesUnreadable *Unreadable `json:"rules_unreadable,omitempty"` // absent if the rules are as they were read

	Files []File `json:"files"`
	// PassedOver are files of the folder in which the gateway was started that
	// it did not use, as they were not approved.
	PassedOver *PassedOver    `json:"passed_over,omitempty"`
	Reloads    []Report       `json:"reloads"` // the last one of each file
	Servers    []ServerStatus `json:"servers"` // sorted by name
	Actors     []Actor        `json:"actors"`  // sorted by name; those of servers are in Servers
	Draining   []Drain        `json:"draining"`
	Holds      []Held         `json:"holds"`
	// Limited are whose calls exceeded their limits, the latest first, at most 100.
	Limited []Limited `json:"limited"`
	Rules   Rules     `json:"rules"`
	// StrayAnswers counts answers of clients that no server waits for: they are late,
	// forged or another session's.
	StrayAnswers uint64 `json:"stray_answers"`
	// Fleet is absent for a gateway that is not one of a fleet.
	Fleet *Fleet `json:"fleet,omitempty"`
	Audit Audit  `json:"audit"`
	Log   Log    `json:"log"`
}

// Actor is an actor of the gateway's that runs.
type Actor struct {
	Name     string    `json:"name"`
	Does     string    `json:"does"`
	Started  time.Time `json:"started"`
	Restarts int       `json:"restarts"` // after failures of its own
}

// Attach is what clients attach to.
type Attach struct {
	Socket     string   `json:"socket"`
	Attached   int      `json:"attached"`   // clients that are
	Background bool     `json:"background"` // whether attach has started the gateway
	LingerMS   int64    `json:"linger_ms"`  // after which it ends without clients; 0 is never
	Args       []string `json:"args"`       // that it was started with
}

// Unreadable says that the rules file has changed and cannot be read.
type Unreadable struct {
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason"`
	Refusing bool      `json:"refusing"` // whether calls are refused for it
}

// File is a file that the gateway uses.
type File struct {
	Role string `json:"role"` // servers, rules or env
	Path string `json:"path"`
	Why  string `json:"why"`            // why this one was chosen
	Hash string `json:"hash,omitempty"` // SHA-256 of the bytes in force
}

// PassedOver are the files of a folder that were not used.
type PassedOver struct {
	Dir   string   `json:"dir"`
	Files []string `json:"files"`
	Why   string   `json:"why"`
	Hint  string   `json:"hint"` // how to use them
}

// Report is what became of one change of one file. It is the event of the
// reload in the words of this API, which other programs read: a type of its
// own, so that the event can change without it.
type Report struct {
	At         time.Time               `json:"at"`
	Role       string                  `json:"role"`
	File       string                  `json:"file"`
	Trigger    string                  `json:"trigger"`
	Outcome    string                  `json:"outcome"`    // applied, rejected or unchanged
	Generation uint64                  `json:"generation"` // the one in force after it
	Added      []string                `json:"added"`
	Removed    []string                `json:"removed"`
	Changed    []resolve.ChangedServer `json:"changed"` // a new process or connection
	Updated    []string                `json:"updated"` // the process goes on
	Problems   []jsondoc.Problem       `json:"problems"`
	ElapsedMS  float64                 `json:"elapsed_ms"`
	// LastGood is when a change of the file was last not rejected; absent if all were.
	LastGood *time.Time `json:"last_good,omitempty"`
}

// Rejected is the Outcome of a change that was refused.
const Rejected = "rejected"

// Drain is an earlier form of a server whose last calls are ending.
type Drain struct {
	Server     string    `json:"server"`
	Generation uint64    `json:"generation"`
	Since      time.Time `json:"since"`
}

// Held is a hold in force. Its server may have left the servers file.
type Held struct {
	Server string    `json:"server"`
	Until  time.Time `json:"until,omitzero"` // zero, and absent: until it is released
	Why    string    `json:"why,omitempty"`
}

// Limited is an agent whose calls exceeded its limits.
type Limited struct {
	Agent      string    `json:"agent"`
	Credential string    `json:"credential,omitempty"`
	Refused    uint64    `json:"refused"` // calls since the gateway began
	Limit      string    `json:"limit"`   // the path of the one that refused the last
	At         time.Time `json:"at"`      // when that was
}

// Rules counts what the rules in force have.
type Rules struct {
	Agents int `json:"agents"`
	Roles  int `json:"roles"`
	// Limited is how many agents have limits.
	Limited int `json:"limited"`
}

// Audit counts the records of this process.
type Audit struct {
	Written uint64 `json:"written"`       // records in the file
	Lost    uint64 `json:"lost"`          // records that never will be
	Queued  int    `json:"queued"`        // records that wait to be written
	Failed  uint64 `json:"failed"`        // attempts to write or to sync that failed
	Rotated uint64 `json:"rotated"`       // how often this gateway rotated the file
	Dropped uint64 `json:"dropped"`       // old files that it deleted
	Young   uint64 `json:"young"`         // those that should have been kept, but the disk was nearly full
	Cut     uint64 `json:"cut"`           // how often the last lines had gone
	Summed  uint64 `json:"summarized"`    // refused calls that share a line with others
	Err     string `json:"err,omitempty"` // why nothing can be written now
	// Out counts the lines that are sent elsewhere as well; nil if none are.
	Out *AuditOut `json:"out,omitempty"`
}

// AuditOut counts lines of the audit log that are sent elsewhere.
type AuditOut struct {
	To     string `json:"to"`
	Sent   uint64 `json:"sent"`
	Lost   uint64 `json:"lost"` // there was no room for them while nothing could be sent; the file has them
	Queued int    `json:"queued"`
	Err    string `json:"err,omitempty"` // why nothing can be sent now
}

// Log counts the lines that this process has logged on stderr.
type Log struct {
	Written uint64 `json:"written"`
	Lost    uint64 `json:"lost"`          // lines that nobody read in time, or at all
	Err     string `json:"err,omitempty"` // why the last line could not be written
}

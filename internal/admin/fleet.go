package admin

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/internal/plural"
	"gatehouse/internal/shellword"
)

// Fleet is the fleet that the gateway is one of, as it knows it.
type Fleet struct {
	Name string `json:"name"`
	Node string `json:"node"` // its own id; empty if it is the store that says all this
	// TenureMS is for how long it may still act on what it owns, 0 if it may not.
	TenureMS int64 `json:"tenure_ms"`
	// StoreSilentMS is how long ago the store has last answered.
	StoreSilentMS int64 `json:"store_silent_ms"`
	// Generation is that which the fleet has agreed on, InForce that by which this
	// gateway decides; 0 is none yet.
	Generation uint64     `json:"generation"`
	InForce    uint64     `json:"in_force"`
	AppliedBy  string     `json:"applied_by,omitempty"`
	AppliedAt  *time.Time `json:"applied_at,omitempty"`
	Leaving    bool       `json:"leaving,omitempty"`
	// CertificateDays is how long its certificate is good for; absent without one.
	CertificateDays *int        `json:"certificate_days,omitempty"`
	CertificateEnds *time.Time  `json:"certificate_ends,omitempty"`
	Nodes           []FleetNode `json:"nodes"` // those that live, sorted by id
	// Owners are the nodes that run the servers which run once, by server.
	Owners map[string]string `json:"owners"`
	// Unreached are the nodes that this one cannot reach, though they live, and why.
	Unreached map[string]string `json:"unreached,omitempty"`
	// ClocksMS are the nodes whose clocks differ from this one's by more than some
	// seconds, and how far they are ahead.
	ClocksMS map[string]int64 `json:"clocks_ms,omitempty"`
	// Damaged is what of the store cannot be read.
	Damaged []string `json:"damaged,omitempty"`
	// Stuck are servers whose processes here do not end though they were killed. Nobody
	// runs these servers until they do.
	Stuck []string `json:"stuck,omitempty"`
	// Waits are servers that a gateway has claimed and does not start before others have
	// ended what may still run of them.
	Waits []FleetWait `json:"waits,omitempty"`
}

// FleetWait is a server that was claimed and waits.
type FleetWait struct {
	Node   string `json:"node"` // that has claimed it
	Server string `json:"server"`
	// Of is the server's own name where an agent's instance of it waits; empty for a server.
	Of    string    `json:"of,omitempty"`
	Since time.Time `json:"since"`
	// At are the gateways that say something of it runs there, Unasked those that cannot be
	// asked and decide by an older configuration.
	At      []string `json:"at,omitempty"`
	Unasked []string `json:"unasked,omitempty"`
}

// Reason says why the server is not started, and what an operator can do.
func (w FleetWait) Reason() string {
	var why []string
	if len(w.At) > 0 {
		why = append(why, "until nothing of it runs any more at "+strings.Join(w.At, ", "))
	}
	if len(w.Unasked) > 0 {
		why = append(why, fmt.Sprintf("until %s, which cannot be asked and may run its own, follows the configuration", strings.Join(w.Unasked, ", ")))
	}
	all := ""
	if w.Of != "" {
		all = ", with all other instances that wait for it" // There is no name for one.
	}
	node := slices.Concat(w.At, w.Unasked, []string{"NODE"})[0]
	return fmt.Sprintf("%s has claimed it and waits since %s %s; once nothing of it runs there, \"%s\" starts it all the same%s",
		w.Node, w.Since.UTC().Format(time.TimeOnly+"Z"), strings.Join(why, " and "), shellword.Command("gatehouse release", "--from "+shellword.Of(node), cmp.Or(w.Of, w.Server)), all)
}

// FleetNode is one gateway of a fleet.
type FleetNode struct {
	ID         string    `json:"id"`
	Address    string    `json:"address"`
	Version    string    `json:"version"`
	Since      time.Time `json:"since"`
	Generation uint64    `json:"generation"` // by which it decides; 0 is none yet
	Leaving    bool      `json:"leaving,omitempty"`
	// Behind means that it cannot follow what the fleet has agreed on, and owns nothing.
	Behind bool `json:"behind,omitempty"`
	// Unreached are the nodes that it cannot reach, as it says.
	Unreached []string `json:"unreached,omitempty"`
	// Cannot are the servers that it cannot start, though others may; fleet.More among them
	// stands for those that it does not name.
	Cannot []string `json:"cannot,omitempty"`
}

// certificateWarning is from how many days left on a certificate is spoken of.
const certificateWarning = 14

// String is the fleet in one line: who is one of it, and what is not as it should be.
func (f Fleet) String() string {
	parts := []string{fmt.Sprintf("%s, this is node %s of %s", f.Name, f.Node, plural.Of(len(f.Nodes), "gateway"))}
	if f.Node == "" {
		parts = []string{fmt.Sprintf("%s, as its store says: %s", f.Name, plural.Of(len(f.Nodes), "gateway"))}
	}
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case f.Node == "" && f.Generation != 0:
	case f.Leaving:
		add("it leaves")
	case f.InForce == 0 && f.Generation != 0:
		add(`it does not decide by the fleet's configuration, generation %d; if it cannot, "gatehouse logs" says why`, f.Generation)
	case f.InForce == 0:
		add(`there is no configuration yet: put one there with "gatehouse apply"`)
	case f.TenureMS == 0:
		add("the store has not answered for %s: servers that run once are stopped here", (time.Duration(f.StoreSilentMS) * time.Millisecond).Round(time.Second))
	default:
		add("it may act for %.1f s without the store", float64(f.TenureMS)/1000)
	}
	for _, n := range f.Nodes {
		if n.Generation != f.Generation {
			add("%s decides by generation %d", n.ID, n.Generation)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(f.Unreached)) {
		add("%s cannot reach %s: %s", f.Node, id, f.Unreached[id])
	}
	for _, n := range f.Nodes {
		if n.ID != f.Node && len(n.Unreached) > 0 {
			add("%s cannot reach %s", n.ID, strings.Join(n.Unreached, ", "))
		}
	}
	for _, n := range f.Nodes {
		if len(n.Cannot) > 0 {
			add("%s cannot run %s: \"gatehouse status\" there says why", n.ID, strings.Join(n.Cannot, ", "))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(f.ClocksMS)) {
		add("the clock of %s is %s", id, ahead(f.ClocksMS[id]))
	}
	if versions := f.versions(); len(versions) > 1 {
		add("versions differ: %s", strings.Join(versions, ", "))
	}
	if f.CertificateDays != nil && *f.CertificateDays <= certificateWarning {
		add("its certificate ends in %s", plural.Of(*f.CertificateDays, "day"))
	}
	if len(f.Stuck) > 0 {
		add("processes of %s do not end here though they were killed, and nobody runs that until they do", strings.Join(f.Stuck, ", "))
	}
	for _, w := range f.Waits {
		add("%s is not started: %s", w.Server, w.Reason())
	}
	if len(f.Damaged) > 0 {
		add("%s of the store cannot be read", plural.Of(len(f.Damaged), "key"))
	}
	return strings.Join(parts, "; ")
}

// ahead says how far a clock is ahead of this gateway's.
func ahead(ms int64) string {
	off := (time.Duration(ms) * time.Millisecond).Round(time.Second)
	if off < 0 {
		return (-off).String() + " behind that of this one"
	}
	return off.String() + " ahead of that of this one"
}

// versions are the versions of the gateways, each with how many have it.
func (f Fleet) versions() (texts []string) {
	of := map[string]int{}
	for _, n := range f.Nodes {
		of[n.Version]++
	}
	for _, version := range slices.Sorted(maps.Keys(of)) {
		texts = append(texts, fmt.Sprintf("%s at %d", version, of[version]))
	}
	return texts
}

// NobodyStarts are the servers that no gateway which stays in the fleet can start, sorted. A
// server that one cannot start and another can is as an operator may want it: the one has a
// stand-in for it. Gateways that list no more of them count as ones that can.
func (f Fleet) NobodyStarts() []string {
	cannot, stay := map[string]int{}, 0
	for _, n := range f.Nodes {
		if n.Leaving || n.Behind {
			continue
		}
		stay++
		for _, server := range n.Cannot {
			cannot[server]++
		}
	}
	var nobody []string
	for server, n := range cannot {
		if n == stay && server != fleet.More {
			nobody = append(nobody, server)
		}
	}
	slices.Sort(nobody)
	return nobody
}

// Well reports whether nothing about the fleet needs attention.
func (f Fleet) Well() bool {
	for _, n := range f.Nodes {
		if n.Generation != f.Generation || len(n.Unreached) > 0 {
			return false
		}
	}
	if len(f.NobodyStarts()) > 0 {
		return false
	}
	if f.Node == "" {
		return len(f.Nodes) > 0 && f.Generation > 0 && len(f.Damaged) == 0 && len(f.Waits) == 0
	}
	return f.TenureMS > 0 && f.InForce > 0 && !f.Leaving && len(f.Damaged) == 0 && len(f.Unreached) == 0 && len(f.Stuck) == 0 && len(f.Waits) == 0 && len(f.ClocksMS) == 0 &&
		(f.CertificateDays == nil || *f.CertificateDays > certificateWarning)
}

package admin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/plural"
)

// certificateWarning is from how many days left on a certificate is spoken of.
const certificateWarning = 14

// String is the fleet in one line: who is one of it, and what is not as it should be.
func (f Fleet) String() string {
	parts := []string{fmt.Sprintf("%s, this is node %s of %s", f.Name, f.Node, plural.Of(len(f.Nodes), "gateway"))}
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
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
	if f.CertificateDays != nil && *f.CertificateDays <= certificateWarning {
		add("its certificate ends in %s", plural.Of(*f.CertificateDays, "day"))
	}
	if len(f.Damaged) > 0 {
		add("%s of the store cannot be read", plural.Of(len(f.Damaged), "key"))
	}
	return strings.Join(parts, "; ")
}

// Well reports whether nothing about the fleet needs attention.
func (f Fleet) Well() bool {
	for _, n := range f.Nodes {
		if n.Generation != f.Generation {
			return false
		}
	}
	return f.TenureMS > 0 && f.InForce > 0 && !f.Leaving && len(f.Damaged) == 0 && len(f.Unreached) == 0 &&
		(f.CertificateDays == nil || *f.CertificateDays > certificateWarning)
}

package front

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/suggest"
)

// instead names what the agent may use in place of the target, nearest first,
// and says what to do with it. It does not wait. It calls a name missing only
// if the server's list shows that; without a list it says that this is not
// known yet, and names is nil or has what the rules name.
func (a *Attempt) instead(t *Target) (names []string, advice string) {
	if catalog := a.catalog(t); catalog != nil {
		names = nearest(t.Name, a.Permitted(t.Kind, t.Server, catalog))
		if len(names) == 0 && catalog.Trouble() != "" {
			return nil, fmt.Sprintf("Which %s it has could not be read in full. Call %s to see them.", t.Kind.Plural, t.Kind.ListedBy)
		}
		return names, choose(names)
	}
	byName := t.Kind.AllowedByName(a.Snapshot.Policy, a.Agent, t.Server)
	if len(byName) == 0 {
		return nil, fmt.Sprintf("Which %s it has is not known yet. Call %s to see which you may use.", t.Kind.Plural, t.Kind.ListedBy)
	}
	names = nearest(t.Name, byName)
	return names, fmt.Sprintf("By the rules you may use: %s. Correct the name; if none fits, call %s: which %s it has is not known yet.",
		strings.Join(names, ", "), t.Kind.ListedBy, t.Kind.Plural)
}

// catalog is what a server has listed; nil if that is not known.
func (a *Attempt) catalog(t *Target) *endpoint.Catalog {
	r, ok := a.RouteTo(t.Server)
	if !ok {
		return nil
	}
	catalog := r.Cell.Shown(t.Kind.List)
	if !catalog.Known {
		return nil
	}
	return catalog
}

// maxAvailable is how many names a refusal offers.
const maxAvailable = 20

// nearest sorts names by their distance to word and keeps the first few.
func nearest(word string, names []string) []string {
	sorted := suggest.ByDistance(word, names)
	return slices.Clone(sorted[:min(len(sorted), maxAvailable)])
}

// choose words a list of names and what to do with it.
func choose(names []string) string {
	if len(names) == 0 {
		return "There is none that you may use. Tell the user."
	}
	return "You may use: " + strings.Join(names, ", ") + ". Correct the name; if none fits, tell the user."
}

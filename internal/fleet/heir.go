package fleet

import (
	"cmp"
	"maps"
	"slices"
)

// Heirs returns which nodes are to own what a node that leaves has owned, by key. It
// is empty if nobody is left.
//
// A fleet whose gateways are replaced one after the other moves each server once if
// none goes to a node that is about to be replaced as well. The node that was started
// last is not: so it inherits, alone or with all others of its version if that is
// another one than the leaver's. settled says that nobody has been started for so long
// that nothing is being replaced: then all others share.
func Heirs(v View, leaver string, keys []string, settled bool) map[string]string {
	able := ableToInherit(v, leaver)
	if len(able) == 0 {
		return nil
	}
	last := slices.MaxFunc(able, func(a, b string) int { return cmp.Compare(v.started(a), v.started(b)) })
	replaced := v.Nodes[leaver].Version != v.Nodes[last].Version
	heirs := slices.DeleteFunc(slices.Clone(able), func(id string) bool {
		switch {
		case replaced:
			return v.Nodes[id].Version != v.Nodes[last].Version
		case settled:
			return false
		default:
			return id != last
		}
	})
	return v.share(heirs, able, keys)
}

// ableToInherit are the nodes that stay and follow: those that decide by what the leaver
// decides by and can be reached, or, without any, all.
func ableToInherit(v View, leaver string) []string {
	stay := slices.DeleteFunc(slices.Sorted(maps.Keys(v.Nodes)), func(id string) bool {
		return id == leaver || !v.Nodes[id].Stays()
	})
	isolated := Isolated(v.Nodes)
	follow := slices.DeleteFunc(slices.Clone(stay), func(id string) bool {
		return v.Nodes[id].Generation < v.Nodes[leaver].Generation || slices.Contains(isolated, id)
	})
	if len(follow) == 0 {
		return stay
	}
	return follow
}

// started orders nodes by when their processes have first joined: the store's own count,
// as the clocks of machines differ.
func (v View) started(id string) int64 { return cmp.Or(v.Nodes[id].First, v.Joined[id]) }

// share returns for each key the heir that has the fewest by then. Where no heir can start
// the server, it is another one that is able to inherit; a key that nobody can start has none.
func (v View) share(heirs, able, keys []string) map[string]string {
	has := map[string]int{}
	for _, o := range v.Owners {
		has[o.Node]++
	}
	given := map[string]string{}
	for _, key := range slices.Sorted(slices.Values(keys)) {
		can := v.can(heirs, key)
		if len(can) == 0 {
			can = v.can(able, key)
		}
		if len(can) == 0 {
			continue
		}
		heir := slices.MinFunc(can, func(a, b string) int {
			return cmp.Or(cmp.Compare(has[a], has[b]), cmp.Compare(weight(key, b), weight(key, a)), cmp.Compare(a, b))
		})
		given[key] = heir
		has[heir]++
	}
	return given
}

// can are those of some nodes that can start a server.
func (v View) can(nodes []string, key string) []string {
	return slices.DeleteFunc(slices.Clone(nodes), func(id string) bool { return v.Nodes[id].lacks(key) })
}

package front

import "hash/maphash"

// markSeed makes marks good for one process only.
var markSeed = maphash.MakeSeed()

// markView is the mark of what an agent sees of a server's list.
type markView struct{ permittedView }

// Mark is a mark of what of a kind the agent may use of a server that is there, in
// the server's order and with its definitions: of the same list it is the same. It
// is 0 if that is not known.
func (a *Attempt) Mark(kind *Kind, server string) uint64 {
	r, ok := a.RouteTo(server)
	if !ok {
		return 0
	}
	catalog := r.Cell.Shown(kind.List)
	if !catalog.Known {
		return 0
	}
	key := markView{permittedView{serversView{a.Snapshot.Policy, a.Agent}, kind, server}}
	mark, _ := a.Snapshot.Remember(key, catalog.Replaced(), func() any {
		var h maphash.Hash
		h.SetSeed(markSeed)
		for _, name := range a.Permitted(kind, server, catalog) {
			item, _ := catalog.Lookup(name)
			maphash.WriteComparable(&h, len(item.Raw))
			_, _ = h.Write(item.Raw) // It cannot fail.
		}
		return h.Sum64() | 1
	}).(uint64)
	return mark
}

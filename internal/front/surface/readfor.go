package surface

import "gatehouse/internal/front"

// read has the lists of these kinds read where they are not known: which server is
// meant depends on them.
func (v *visit) read(kinds ...*front.Kind) {
	a, ok := v.Router.Seen(v.caller)
	for _, kind := range kinds {
		if ok {
			v.Router.ReadLists(v.ctx, a, kind)
		}
	}
}

// readFor has the lists of prompts read for a name that does not say itself what it
// stands for.
func (v *visit) readFor(joined string) {
	if _, _, plain := splitName(joined); !plain && len(joined) <= maxJoined && endsLikeHash(joined) {
		v.read(&prompts)
	}
}

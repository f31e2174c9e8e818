package config

import (
	"maps"
	"slices"
	"sync/atomic"

	"gatehouse/internal/admin"
)

// View is where others read what the config actor has in force, at any time
// and from any goroutine; reading waits for nothing. The zero View is empty.
type View struct {
	current atomic.Pointer[InForce]
	doubt   atomic.Pointer[Doubt]
}

// Load returns what is in force; the zero InForce before the first generation.
func (v *View) Load() InForce {
	if v == nil || v.current.Load() == nil {
		return InForce{}
	}
	return *v.current.Load()
}

func (v *View) store(f InForce) {
	if v != nil {
		v.current.Store(&f)
	}
}

// InForce is one picture. Nobody writes to it once it is out.
type InForce struct {
	Generation uint64
	// Hashes are the SHA-256 in lower-case hex of each file's bytes, by path.
	Hashes map[string]string
	// Holds are sorted by server.
	Holds []admin.Held
	// Unanswered are the servers that lack what a keyring has, in the order of the file.
	Unanswered []string
}

// inForce is the picture of the book as it is.
func (b *book) inForce() InForce {
	f := InForce{Generation: b.generation, Hashes: maps.Clone(b.loaded.hashes)}
	for _, name := range slices.Sorted(maps.Keys(b.holds)) {
		f.Holds = append(f.Holds, admin.Held{Server: name, Until: b.holds[name].until, Why: b.holds[name].why})
	}
	for _, r := range b.loaded.resolved {
		if r.Unanswered {
			f.Unanswered = append(f.Unanswered, r.Entry.Name)
		}
	}
	return f
}

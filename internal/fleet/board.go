package fleet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/rawjson"
)

// Entry is one key of a store, below the fleet's prefix.
type Entry struct {
	Key      string
	Value    []byte
	Created  int64 // the revision that made the key
	Modified int64 // the revision that wrote this value
	Lease    Lease // what keeps it; 0 is nothing
	Deleted  bool  // it is gone; Modified is the revision of that
}

// Board makes views out of the entries of a store, one change after the other. What
// cannot be read is left out and named in View.Damaged.
type Board struct {
	view View
}

// NewBoard returns the board of a store that has these entries at a revision.
func NewBoard(store uint64, revision int64, entries []Entry) *Board {
	b := &Board{view: View{
		Store: store, Format: 1, Acks: map[string]Ack{}, Nodes: map[string]Node{}, Joined: map[string]int64{},
		Owners: map[string]Owner{}, Records: map[string]Record{}, Holds: map[string]Hold{},
		Restarts: map[string]Restart{}, Damaged: map[string]string{}, Void: map[string]VoidClaim{},
	}}
	for _, e := range entries {
		b.take(e)
	}
	b.view.Revision = revision
	return b
}

// View returns what stands on the board. Later changes do not show in it.
func (b *Board) View() View { return b.view }

// Apply takes changes that one revision or several have made, in their order.
func (b *Board) Apply(revision int64, changes []Entry) {
	v := &b.view
	v.Acks, v.Nodes, v.Joined = maps.Clone(v.Acks), maps.Clone(v.Nodes), maps.Clone(v.Joined)
	v.Owners, v.Records = maps.Clone(v.Owners), maps.Clone(v.Records)
	v.Holds, v.Restarts, v.Damaged = maps.Clone(v.Holds), maps.Clone(v.Restarts), maps.Clone(v.Damaged)
	v.Void = maps.Clone(v.Void)
	for _, e := range changes {
		b.take(e)
	}
	v.Revision = max(v.Revision, revision)
}

func (b *Board) take(e Entry) {
	delete(b.view.Damaged, e.Key)
	if err := b.read(e); err != nil {
		b.view.Damaged[e.Key] = err.Error()
	}
}

func (b *Board) read(e Entry) error {
	v := &b.view
	dir, name, _ := strings.Cut(e.Key, "/")
	switch e.Key {
	case KeyGeneration:
		v.Generation = uint64(max(e.Modified, 0))
		return nil
	case KeyFormat:
		return v.readFormat(e)
	case KeyActive:
		return readContent(e, &v.Active, false)
	case KeyCandidate:
		return readContent(e, &v.Candidate, true)
	}
	if !named[dir+"/"] {
		return nil // Of a later version.
	}
	key, ok := decode(name)
	if !ok {
		return fmt.Errorf("%q is not a name as gatehouse writes it", name)
	}
	switch dir + "/" {
	case AcksPrefix:
		return readInto(v.Acks, key, e, nil)
	case NodesPrefix:
		return b.readNode(key, e)
	case OwnersPrefix:
		return b.readOwner(key, e)
	case RecordsPrefix:
		return readInto(v.Records, key, e, nil)
	case HoldsPrefix:
		return readInto(v.Holds, key, e, func(h *Hold) { h.Revision = e.Modified })
	default:
		v.Restarts[key] = Restart{e.Modified, string(e.Value)}
		return nil
	}
}

// named are the prefixes of keys that end with a name as encode writes it.
var named = map[string]bool{AcksPrefix: true, NodesPrefix: true, OwnersPrefix: true, RecordsPrefix: true, HoldsPrefix: true, RestartPrefix: true}

// readFormat keeps the last one that could be read: what cannot be is named as damaged.
func (v *View) readFormat(e Entry) (err error) {
	if e.Deleted {
		v.Format = 1
		return nil
	}
	format, err := ReadFormat(e.Value)
	if err == nil {
		v.Format = format
	}
	return err
}

// readOwner takes in a claim. It is written once, and belongs to a lease that a second write
// takes away: whatever that says, it is void. One without a lease is no gateway's.
func (b *Board) readOwner(key string, e Entry) error {
	delete(b.view.Owners, key)
	delete(b.view.Void, key)
	overwritten := e.Modified != e.Created
	if !e.Deleted && (overwritten || e.Lease == 0) {
		b.view.Void[key] = VoidClaim{e.Created, e.Modified}
		if overwritten {
			return errors.New("it was overwritten")
		}
		return errors.New("no gateway has made this claim: it has no lease")
	}
	return readInto(b.view.Owners, key, e, func(o *Owner) { o.Epoch = e.Created })
}

func (b *Board) readNode(id string, e Entry) error {
	delete(b.view.Joined, id)
	if err := readInto(b.view.Nodes, id, e, func(n *Node) { n.ID = id }); err != nil || e.Deleted {
		return err
	}
	b.view.Joined[id] = e.Created
	return nil
}

func readContent(e Entry, into **Content, candidate bool) error {
	*into = nil
	if e.Deleted {
		return nil
	}
	c := &Content{}
	if err := rawjson.Decode(e.Value, c); err != nil {
		return fmt.Errorf("cannot read it: %w", err)
	}
	if err := c.Check(); err != nil {
		return err
	}
	if candidate {
		c.Candidate = e.Modified
	}
	*into = c
	return nil
}

// readInto decodes an entry into its place of a map, or takes it away from there.
func readInto[T any](all map[string]T, key string, e Entry, finish func(*T)) error {
	delete(all, key)
	if e.Deleted {
		return nil
	}
	var value T
	if err := rawjson.Decode(e.Value, &value); err != nil {
		return fmt.Errorf("cannot read it: %w", err)
	}
	if finish != nil {
		finish(&value)
	}
	all[key] = value
	return nil
}

// Summary names what of a view cannot be read, for a log; it is empty if all can.
func (v View) Summary() []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(v.Damaged)) {
		lines = append(lines, key+": "+v.Damaged[key])
	}
	return lines
}

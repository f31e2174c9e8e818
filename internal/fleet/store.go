package fleet

import (
	"context"
	"errors"
	"time"
)

// Lease is what the records of a node are kept by; 0 is none.
type Lease int64

// Store is what the nodes of a fleet agree by. Its methods block until ctx ends at
// the longest and may be called from any goroutine. A method whose ctx has ended may
// have had its effect or not.
type Store interface {
	// Join grants a lease and puts the node's record under it. The previous lease of
	// the same node, if it still lives, is revoked first. granted is how long the
	// lease lasts without a renewal, as the store says: it may be more than ttl.
	//
	// Errors: ErrTaken if a node with this id lives that is another process.
	Join(ctx context.Context, n Node, ttl time.Duration, previous Lease) (l Lease, granted time.Duration, err error)
	// Renew makes the lease last as long again as granted from the moment of sending,
	// once it has seen by a read that all nodes agree on that the node's record is
	// still there. It has the view read anew if Follow has missed something.
	//
	// Errors: ErrLost if the lease is gone.
	Renew(ctx context.Context, n Node, l Lease) error
	// Revoke ends a lease, and with it all records under it.
	Revoke(ctx context.Context, l Lease) error
	// PutNode replaces the node's record. Errors: ErrLost.
	PutNode(ctx context.Context, n Node, l Lease) error
	// Claim makes the node of o the owner of key unless somebody owns it, and returns
	// the owner that there is, with its epoch. won reports whether that is o under
	// this lease, by this call or an earlier one. Errors: ErrLost.
	Claim(ctx context.Context, key string, o Owner, l Lease) (owner Owner, won bool, err error)
	// Release ends the ownership of key, if its epoch is this one.
	Release(ctx context.Context, key string, epoch int64) error
	// RemoveVoid removes a void claim, if it is still that one.
	RemoveVoid(ctx context.Context, key string, c VoidClaim) error
	// Write keeps what the owner says of key. Errors: ErrFenced if the epoch is not
	// that of the owner.
	Write(ctx context.Context, key string, epoch int64, r Record) error
	// Forget removes the record of a key that no configuration knows any more, unless
	// somebody owns it.
	Forget(ctx context.Context, key string) error

	// Propose puts a candidate and returns its revision. Errors: ErrTooLarge.
	Propose(ctx context.Context, c Content) (revision int64, err error)
	// Acknowledge says what a node thinks of a candidate.
	Acknowledge(ctx context.Context, a Ack, l Lease) error
	// Activate makes the candidate of this revision the configuration, if it is still
	// the candidate, and if since the revision counted, that of a View, neither the
	// acks of these nodes have changed nor a node has joined. What is active already
	// stays so, with its generation. Errors: ErrOvertaken.
	Activate(ctx context.Context, candidate int64, acks []string, counted int64) (generation uint64, err error)
	// PutHold sets an operator's wish about a server, under all of its Keys or none, and
	// Restart asks for a fresh process of it; both make a new generation. A wish that is
	// the same as before changes nothing. What names a node is gone after DespiteLasts
	// under the first of its Keys.
	PutHold(ctx context.Context, server string, h Hold) (generation uint64, err error)
	Restart(ctx context.Context, server string) (generation uint64, err error)
	// EndHold puts another wish in the place of one, if that is still there.
	// Errors: ErrOvertaken.
	EndHold(ctx context.Context, server string, was, over Hold) (generation uint64, err error)

	// SessionKey returns the key by which gateways know sessions of each other: 32 random
	// bytes, the same for all, that are no part of a View. The first who asks makes it.
	SessionKey(ctx context.Context) ([]byte, error)

	// Follow calls hear with the whole view, and again with later ones, from one
	// goroutine, until ctx ends. Views that follow each other fast may come as one. Trouble with the store is no end: it goes on by
	// itself and reads all again. It returns ctx's cause.
	Follow(ctx context.Context, hear func(View)) error
}

// The reasons for which a Store refuses.
var (
	ErrTaken     = errors.New("a node with this id lives already")
	ErrLost      = errors.New("the lease is gone")
	ErrFenced    = errors.New("another node owns it by now")
	ErrOvertaken = errors.New("something has changed meanwhile")
	ErrTooLarge  = errors.New("the configuration is too large for a fleet")
)

// View is all that the store holds of a fleet, at one revision. Whoever gets one must
// not change it.
type View struct {
	Revision int64
	// Store identifies the store: another number, or a smaller revision, means that
	// it was restored from a backup.
	Store uint64
	// Generation is that of the fleet's configuration, holds and restarts; it grows.
	Generation uint64
	// Format is that of the fleet: see the constant of that name.
	Format    int
	Active    *Content // nil before the first
	Candidate *Content // nil if there was none; its Candidate is its own revision
	Acks      map[string]Ack
	Nodes     map[string]Node
	// Joined are the revisions with which nodes have joined.
	Joined   map[string]int64
	Owners   map[string]Owner  // by key
	Records  map[string]Record // by key; kept when the owner is gone
	Holds    map[string]Hold   // by server
	Restarts map[string]Restart
	// Void are the claims without a lease, by key: somebody has overwritten them, or put
	// them there by hand. They are in Damaged, too.
	Void map[string]VoidClaim
	// Damaged are the keys that cannot be read, and why. Nothing else knows of them.
	Damaged map[string]string
}

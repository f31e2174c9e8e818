package endpoint

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"

	"gatehouse/internal/redact"
)

// Whose says whom an instance of a server is for: an agent, and a session of its
// own if that is not empty.
type Whose struct{ Agent, Session string }

// label is what is put behind a server's name for an instance: "[backend]", or
// "#3f2a" for a session, whose id nobody else may know.
func (w Whose) label(digits int) string {
	if w.Session == "" {
		return "[" + w.Agent + "]"
	}
	sum := sha256.Sum256([]byte(w.Session + "\x00" + w.Agent))
	return "#" + hex.EncodeToString(sum[:])[:min(digits, 2*len(sum))]
}

// Instance says of a cell that it is not that of an entry but of one of its
// instances.
type Instance struct {
	Whose

	// Client is that of the session; nil if it is for no session, or for one of which
	// nothing is remembered.
	Client Client
	// Of is the cell of the entry.
	Of *Cell
	// Label is what tells it from others of the same entry: "[backend]" or "#3f2a".
	Label string
	// Redact takes the secrets of the instance out of texts.
	Redact *redact.Redactor
	// GivesWay is closed when the instance is to end, for that of somebody else.
	GivesWay <-chan struct{}
}

// The reasons for which there is no instance.
var (
	// ErrTooManyInstances: there are as many as there may be.
	ErrTooManyInstances = errors.New("there are as many instances as there may be")
	// ErrNoInstances: the entry's cell is closed.
	ErrNoInstances = errors.New("the server takes no more calls")
)

// Instances are the cells of an entry of which each agent has one. They may be used
// from any goroutine, and never block.
type Instances struct {
	of     *Cell
	redact func(agent string) *redact.Redactor

	mu     sync.Mutex
	closed bool
	open   map[Whose]*Cell
	all    map[*Cell]*held // with those that are ending
	turn   turn
}

// Split makes the cell that of an entry which has instances. redact makes what
// takes the secrets of one of them out of texts. It is called before others know
// the cell.
func (c *Cell) Split(redact func(agent string) *redact.Redactor) *Cell {
	c.instances = &Instances{of: c, redact: redact, open: map[Whose]*Cell{}, all: map[*Cell]*held{}}
	return c
}

// Instances are those of an entry's cell; nil for a server that all agents share.
func (c *Cell) Instances() *Instances { return c.instances }

// Instance says whose instance the cell is; nil for the cell of an entry.
func (c *Cell) Instance() *Instance { return c.instance }

// Client is that of the session whose instance the cell is; nil if there is none.
func (c *Cell) Client() Client {
	if c.instance == nil {
		return nil
	}
	return c.instance.Client
}

// Find returns the cell of whose instance, if there is one that takes calls.
func (s *Instances) Find(whose Whose) (*Cell, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.open[whose]
	return c, ok && !c.isClosed()
}

// Obtain returns the cell of whose instance, which by asks for, a credential or else
// an address or a conversation. It makes an idle one unless there are limit already,
// those included that are ending; whoever has the most of them gives way then, for the
// next try. fresh says that it was made: it must be woken, or it counts for ever.
func (s *Instances) Obtain(whose Whose, by string, client Client, limit int, first Status) (c *Cell, fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.open[whose]; ok && !c.isClosed() {
		s.all[c].note(by, first.Since)
		return c, false, nil
	}
	switch {
	case s.closed:
		return nil, false, ErrNoInstances
	case s.full(by, limit, first.Since):
		return nil, false, ErrTooManyInstances
	}
	h := &held{leave: make(chan struct{})}
	h.note(by, first.Since)
	in := &Instance{Whose: whose, Client: client, Of: s.of, Label: s.label(whose), Redact: s.redact(whose.Agent), GivesWay: h.leave}
	c = NewCell(s.of.name+in.Label, s.of.identity, first)
	c.instance, c.notices = in, s.of.notices.Of(whose)
	s.open[whose] = c
	s.all[c] = h
	return c, true, nil
}

// label is one that no other instance has that is not ending.
func (s *Instances) label(whose Whose) string {
	for digits := 4; ; digits++ {
		label := whose.label(digits)
		if !slices.ContainsFunc(s.cells(), func(c *Cell) bool { return c.instance.Label == label && !c.isClosed() }) {
			return label
		}
	}
}

// Forget takes out an instance that has ended.
func (s *Instances) Forget(c *Cell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c)
	if s.open[c.instance.Whose] == c {
		delete(s.open, c.instance.Whose)
		s.of.notices.forget(c.instance.Whose)
	}
}

// List returns the cells of all instances, those that are ending too, sorted by
// label.
func (s *Instances) List() []*Cell {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.cells()
	slices.SortFunc(list, func(a, b *Cell) int {
		return cmp.Or(strings.Compare(a.instance.Label, b.instance.Label), cmp.Compare(a.Status().Run, b.Status().Run))
	})
	return list
}

func (s *Instances) cells() []*Cell {
	list := make([]*Cell, 0, len(s.all))
	for c := range s.all {
		list = append(list, c)
	}
	return list
}

// close refuses all calls of all instances, for good.
func (s *Instances) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.closed = true
	list := s.cells()
	s.mu.Unlock()
	for _, c := range list {
		c.Close()
	}
}

// adopt has an entry show what one of its instances has listed: to those who have
// none of their own.
func (c *Cell) adopt(l List, next Catalog) {
	if next.Known {
		c.PublishList(l, next)
	}
}

// Shown is the latest list that is known: the cell's own, or else the one that
// another instance of the same entry has read.
func (c *Cell) Shown(l List) *Catalog {
	own := c.Listed(l)
	if own.Known || c.instance == nil {
		return own
	}
	return c.instance.Of.Listed(l)
}

func (c *Cell) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

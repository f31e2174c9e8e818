package endpoint

import (
	"cmp"
	"encoding/json"
	"sync"
	"time"

	"gatehouse/internal/policy"
)

// Tool is one tool of a server: its name and the server's own definition.
type Tool struct {
	Name string
	Raw  json.RawMessage
}

// Catalog is what a server last said of itself and its tools, published
// whole. It is kept over restart, sleep and quarantine.
type Catalog struct {
	Known bool // false until a server has listed its tools once
	// Kept says that the list is one that an earlier gateway has read: good
	// enough to find a tool, and not to say of one that it does not exist.
	Kept  bool
	At    time.Time
	Tools []Tool // in the server's own order
	Info  ServerInfo
	// TTL is how long the server lets the list be kept, in milliseconds.
	TTL int64
	// Err says why the latest refresh failed; the list is then the older one.
	Err string
	// Warning says what was odd about the list, so that tools may be missing.
	Warning string

	index       map[string]int
	names       []string
	annotations func() []policy.Annotations // of the tools, read when they are first asked for
	replaced    chan struct{}
}

// Trouble says why the list may not be the server's whole list; empty if there is
// nothing to say.
func (c *Catalog) Trouble() string { return cmp.Or(c.Err, c.Warning) }

// OddList is the error of a list that was read, and may not be all of it.
type OddList struct{ What string }

func (e *OddList) Error() string { return e.What }

// Replaced is closed when a newer Catalog has been published.
func (c *Catalog) Replaced() <-chan struct{} { return c.replaced }

// Lookup finds a tool by its exact name.
func (c *Catalog) Lookup(name string) (Tool, bool) {
	i, ok := c.index[name]
	if !ok {
		return Tool{}, false
	}
	return c.Tools[i], true
}

// Annotations are what the server says of a tool's behaviour; unknown if the catalog
// does not have the tool, or is nil.
func (c *Catalog) Annotations(name string) policy.Annotations {
	if c == nil {
		return 0
	}
	i, ok := c.index[name]
	if !ok {
		return 0
	}
	return c.annotations()[i]
}

// DecideTool asks the rules about a tool of the server that has listed this; nil is
// not known. What it says of the tool is looked at only if the rules do.
func DecideTool(rules *policy.Policy, agent, server, name string, list *Catalog) policy.Decision {
	if !rules.UsesAnnotations() {
		return rules.Decide(agent, server, name)
	}
	return rules.DecideTool(agent, server, name, list.Annotations(name))
}

// Names are the tools' names in the server's own order. The caller must not
// change the slice.
func (c *Catalog) Names() []string { return c.names }

// Catalog is the latest published catalog. It does not block.
func (c *Cell) Catalog() *Catalog { return c.catalog.Load() }

// PublishCatalog replaces the catalog and wakes those who wait on the old
// one. The cell owns the tools from then on.
func (c *Cell) PublishCatalog(next Catalog) {
	close(c.catalog.Swap(next.indexed()).replaced)
	if c.instance != nil {
		c.instance.Of.adopt(Tools, next)
	}
}

// Recall publishes a catalog that an earlier gateway has read, unless the server
// has listed its tools itself by now. If it has tried, what it said of itself
// stays. The cell owns the tools from then on.
func (c *Cell) Recall(kept Catalog) {
	kept.Known, kept.Kept = true, true
	for {
		old, next := c.catalog.Load(), kept
		if old.Known {
			return
		}
		if old.Err != "" {
			next.At, next.Info, next.Err = old.At, old.Info, old.Err
		}
		if c.catalog.CompareAndSwap(old, next.indexed()) {
			close(old.replaced)
			return
		}
	}
}

// indexed returns the catalog ready to be published.
func (c Catalog) indexed() *Catalog {
	c.index = make(map[string]int, len(c.Tools))
	c.names = make([]string, len(c.Tools))
	for i, t := range c.Tools {
		c.names[i] = t.Name
		if _, dup := c.index[t.Name]; !dup {
			c.index[t.Name] = i
		}
	}
	tools := c.Tools
	c.annotations = sync.OnceValue(func() []policy.Annotations {
		list := make([]policy.Annotations, len(tools))
		for i, t := range tools {
			list[i] = policy.AnnotationsOf(t.Raw)
		}
		return list
	})
	c.replaced = make(chan struct{})
	return &c
}

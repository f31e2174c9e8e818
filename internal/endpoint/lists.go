package endpoint

import "gatehouse/internal/rawjson"

// List is something that servers list.
type List int

// The lists. What Catalog says of tools holds for the items of each: the name of
// a resource is its URI, that of a template its text.
const (
	Tools List = iota
	Resources
	Templates
	Prompts

	// Lists is how many there are.
	Lists = iota
)

// Capability is the capability by which a server declares that it has the list.
func (l List) Capability() string {
	switch l {
	case Resources, Templates:
		return "resources"
	case Prompts:
		return "prompts"
	case Tools:
	}
	return "tools"
}

// Has reports whether the server declares something of a list.
func (i ServerInfo) Has(l List) bool { return i.Capability(l.Capability()) != nil }

// Capability is what the server says of one of its capabilities; nil if it does
// not declare it.
func (i ServerInfo) Capability(name string) []byte {
	value := rawjson.Get([]byte(i.Capabilities), name)
	if rawjson.IsNull(value) {
		return nil
	}
	return value
}

// Announces reports whether the server says that it announces changes of a list.
func (i ServerInfo) Announces(l List) bool {
	return string(rawjson.Get(i.Capability(l.Capability()), "listChanged")) == "true"
}

// Subscribable reports whether the server says that it announces changes of
// resources.
func (i ServerInfo) Subscribable() bool {
	return string(rawjson.Get(i.Capability("resources"), "subscribe")) == "true"
}

// Listed is the latest published catalog of a list. Those of other lists than
// Tools are not known until somebody has asked for them. It does not block.
func (c *Cell) Listed(l List) *Catalog {
	if l == Tools {
		return c.Catalog()
	}
	return c.others[l].Load()
}

// PublishList is PublishCatalog for a list.
func (c *Cell) PublishList(l List, next Catalog) {
	if l == Tools {
		c.PublishCatalog(next)
		return
	}
	close(c.others[l].Swap(next.indexed()).replaced)
	if c.instance != nil {
		c.instance.Of.adopt(l, next)
	}
}

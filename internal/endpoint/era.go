package endpoint

import "gatehouse/internal/rawjson"

// Era is a generation of MCP, by how a conversation begins.
type Era string

// The eras. The zero value is that it is not known: a session then finds out.
const (
	EraUnknown Era = ""
	// EraInitialize begins with initialize: the revisions up to 2025-11-25.
	EraInitialize Era = "initialize"
	// EraStateless has no beginning, each request says all: 2026-07-28.
	EraStateless Era = "stateless"
)

// StatelessRevision is the first revision of EraStateless.
const StatelessRevision = "2026-07-28"

// Stateless reports whether the server speaks EraStateless with us. Revisions are
// dates.
func (i ServerInfo) Stateless() bool { return i.ProtocolVersion >= StatelessRevision }

// TakesTasks reports whether the server says that a tools/call of 2025-11-25 may ask
// it for a task.
func (i ServerInfo) TakesTasks() bool {
	requests := rawjson.Get(i.Capability("tasks"), "requests")
	return i.ProtocolVersion == "2025-11-25" && rawjson.First(rawjson.Get(rawjson.Get(requests, "tools"), "call")) == '{'
}

// Era is what the next run of the server should begin with: what the last one
// has found out.
func (c *Cell) Era() Era {
	if c.instance != nil {
		return c.instance.Of.Era()
	}
	if era := c.era.Load(); era != nil {
		return *era
	}
	return EraUnknown
}

// NoteEra keeps what a run has found out for the next one. The cell of a
// changed entry knows nothing.
func (c *Cell) NoteEra(era Era) {
	if c.instance != nil {
		c.instance.Of.NoteEra(era)
		return
	}
	c.era.Store(&era)
}

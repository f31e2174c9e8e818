package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// The limits of the notes server.
const (
	maxNotes     = 1000
	maxTitleLen  = 200
	maxNoteLen   = 10_000
	maxQueryLen  = 200
	maxNotesPage = 100
)

// note is one note.
type note struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// noteList is the answer of the tools that list notes.
type noteList struct {
	Notes []note `json:"notes"`
	Total int    `json:"total"`
}

// notebook keeps the notes of one server. Tool calls run side by side.
type notebook struct {
	mu    sync.Mutex
	notes map[int]note
	last  int
}

func notesServer() description {
	return description{
		name:    "notes",
		title:   "Notes",
		summary: "Keeps short notes in memory for as long as the server runs",
		instructions: "Notes live in memory and are shared by everybody who uses this server. " +
			"Look with search_notes or list_notes before you add a note twice. delete_note cannot be undone.",
		tools: func() []server.ServerTool { return (&notebook{notes: map[int]note{}}).tools() },
	}
}

func (n *notebook) tools() []server.ServerTool {
	limit := mcp.WithInteger("limit", mcp.Description("How many notes to return at most; 20 if left out."),
		mcp.Min(1), mcp.Max(maxNotesPage), mcp.DefaultNumber(20))
	return []server.ServerTool{
		tool("add_note", "Adds a note and returns it with its new id.", n.add,
			mcp.WithReadOnlyHintAnnotation(false), mcp.WithIdempotentHintAnnotation(false),
			mcp.WithString("title", mcp.Required(), mcp.Description("A short title."), mcp.MinLength(1), mcp.MaxLength(maxTitleLen)),
			mcp.WithString("text", mcp.Required(), mcp.Description("The note itself."), mcp.MaxLength(maxNoteLen))),
		tool("list_notes", "Lists the notes, newest first. total counts all notes, also those beyond limit.", n.list, limit),
		tool("search_notes", "Lists the notes whose title or text contains a word or phrase, newest first. Case does not matter.", n.search,
			mcp.WithString("query", mcp.Required(), mcp.Description("The word or phrase to look for."), mcp.MinLength(1), mcp.MaxLength(maxQueryLen)),
			limit),
		tool("delete_note", "Deletes a note for good and returns it.", n.remove,
			mcp.WithReadOnlyHintAnnotation(false), mcp.WithDestructiveHintAnnotation(true), mcp.WithIdempotentHintAnnotation(false),
			mcp.WithInteger("id", mcp.Required(), mcp.Description("The note's id, as add_note and list_notes return it."), mcp.Min(1))),
	}
}

func (n *notebook) add(args struct{ Title, Text string }) (note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.notes) >= maxNotes {
		return note{}, fmt.Errorf("cannot add a note: there are %d already; delete some first", len(n.notes))
	}
	n.last++
	added := note{ID: n.last, Title: args.Title, Text: args.Text}
	n.notes[added.ID] = added
	return added, nil
}

func (n *notebook) list(args struct{ Limit int }) (noteList, error) {
	return n.page(args.Limit, func(note) bool { return true }), nil
}

func (n *notebook) search(args struct {
	Query string
	Limit int
},
) (noteList, error) {
	query := strings.ToLower(args.Query)
	return n.page(args.Limit, func(x note) bool {
		return strings.Contains(strings.ToLower(x.Title+"\n"+x.Text), query)
	}), nil
}

func (n *notebook) remove(args struct{ ID int }) (note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	gone, ok := n.notes[args.ID]
	if !ok {
		return note{}, fmt.Errorf("cannot delete note %d: there is no such note; list_notes shows the ids", args.ID)
	}
	delete(n.notes, args.ID)
	return gone, nil
}

// page returns the newest notes that match, at most limit (0 means 20) of them.
func (n *notebook) page(limit int, match func(note) bool) noteList {
	n.mu.Lock()
	defer n.mu.Unlock()
	found := slices.SortedFunc(maps.Values(n.notes), func(a, b note) int { return cmp.Compare(b.ID, a.ID) })
	found = slices.DeleteFunc(found, func(x note) bool { return !match(x) })
	total := len(found)
	if found == nil {
		found = []note{} // An empty list is [] in JSON, not null.
	}
	return noteList{Notes: found[:min(total, cmp.Or(limit, 20))], Total: total}
}

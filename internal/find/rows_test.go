package find_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/find"
)

// full is a tool with all its texts, on a server.
type full struct {
	server string
	find.Tool
}

// viewOf is the view of all these tools.
func viewOf(tools []full) *find.View {
	var servers []find.Server
	for _, t := range tools {
		at := slices.IndexFunc(servers, func(s find.Server) bool { return s.Name == t.server })
		if at < 0 {
			at, servers = len(servers), append(servers, find.Server{Name: t.server})
		}
		servers[at].Tools = append(servers[at].Tools, t.Tool)
	}
	var docs []*find.Docs
	for _, s := range servers {
		docs = append(docs, find.Read(s))
	}
	return find.New(docs).View(func(_, _ string) bool { return true })
}

// plain is a tool with a name and a description.
func plain(server, name, about string) full {
	return full{server, find.Tool{Name: name, Description: about}}
}

// filler are tools that have nothing to do with the questions.
func filler() (out []full) {
	for i, about := range []string{"Bakes bread.", "Waters flowers.", "Paints walls.", "Tunes pianos.", "Folds paper.", "Sweeps floors."} {
		out = append(out, plain("house", fmt.Sprint("chore", i), about))
	}
	return out
}

// Each row is a promise about the order: the first of the hits are these, in this
// order.
func TestSearch_order(t *testing.T) {
	long := strings.Repeat("padding words that say nothing ", 40)
	for _, c := range []struct {
		promise, query string
		tools          []full
		want           []string
	}{
		{
			"an exact name byte for byte is before one that differs in case and signs", "get_item",
			[]full{plain("a", "Get-Item", "Gets."), plain("b", "get_item", "Gets."), plain("c", "getItem", "Gets."), plain("d", "get_item_list", "Gets an item, gets an item.")},
			[]string{"b/get_item", "a/Get-Item", "c/getItem", "d/get_item_list"},
		},
		{
			"whatever the case of the question", "GET.ITEM",
			[]full{plain("a", "items_get_item", "Gets an item."), plain("b", "get_item", "Gets.")},
			[]string{"b/get_item"},
		},
		{
			"inside a sentence", "then run getItem, please, for each card",
			[]full{plain("a", "list_cards", "Lists each card, for cards."), plain("b", "get_item", "Gets.")},
			[]string{"b/get_item"},
		},
		{
			"of all servers that have it, before others", "add_card",
			[]full{plain("a", "add_card_now", "Adds a card, adds a card."), plain("x", "add_card", "One."), plain("y", "add_card", "Two."), plain("z", "add-card", "Three.")},
			[]string{"x/add_card", "y/add_card", "z/add-card", "a/add_card_now"},
		},
		{
			"the server in front of the name chooses", "y__add_card",
			[]full{plain("x", "add_card", "One."), plain("y", "add_card", "Two.")},
			[]string{"y/add_card", "x/add_card"},
		},
		{"a tool without description, by its parts", "parse xml", []full{plain("a", "parseXMLFile", ""), plain("b", "v3_batchImport", "")}, []string{"a/parseXMLFile"}},
		{"digits are parts", "batch import v3", []full{plain("a", "parseXMLFile", ""), plain("b", "v3_batchImport", "")}, []string{"b/v3_batchImport"}},
		{"the title", "gardening", []full{{"a", find.Tool{Name: "t1", Title: "Gardening helper"}}, {"b", find.Tool{Name: "t2"}}}, []string{"a/t1"}},
		{
			"a parameter's name", "latitude",
			[]full{{"a", find.Tool{Name: "t1", Params: []find.Param{{Name: "latitude"}}}}, plain("b", "t2", "")},
			[]string{"a/t1"},
		},
		{
			"a parameter's description", "lighthouse",
			[]full{{"a", find.Tool{Name: "t1", Params: []find.Param{{Name: "p", Description: "Which lighthouse."}}}}, plain("b", "t2", "")},
			[]string{"a/t1"},
		},
		{
			"less at parameters than at name and description", "invoice",
			[]full{{"a", find.Tool{Name: "t1", Description: "Pays.", Params: []find.Param{{Name: "invoice", Description: "The invoice."}}}}, plain("b", "t2", "Prints an invoice."), plain("c", "invoice_total", "Adds up.")},
			[]string{"c/invoice_total", "b/t2", "a/t1"},
		},
		{"plural and endings", "translating documents", []full{plain("a", "t1", "Translates a document."), plain("b", "t2", "Prints.")}, []string{"a/t1"}},
		{"pairs of CJK", "天气预报", []full{plain("a", "t1", "查询城市的天气预报信息"), plain("b", "t2", "查询火车票")}, []string{"a/t1"}},
		{"accents", "creme brulee", []full{plain("a", "t1", "Makes crème brûlée."), plain("b", "t2", "Makes tea.")}, []string{"a/t1"}},
		{
			"a part of a server's name does not count in full", "calendar event",
			[]full{plain("mail-calendar-and-contacts", "zap", "Sends a mail."), plain("other", "create_event", "Puts an event into the calendar.")},
			[]string{"other/create_event"},
		},
		{
			"a server that is named in full does", "add a card in trello",
			[]full{plain("jira", "add_card", "Adds a card to a board, a card in a project."), plain("trello", "add_card", "Adds a card.")},
			[]string{"trello/add_card", "jira/add_card"},
		},
		{
			"a long server's name drowns nothing", "upload a photo",
			[]full{plain("upload-photo-album-share-print-order", "ping", "Says whether it is there."), plain("pics", "upload_photo", "Uploads a photo.")},
			[]string{"pics/upload_photo"},
		},
		{
			"what is not wanted", "open the door, not close it",
			[]full{plain("a", "close_door", "Closes the door."), plain("a", "open_door", "Opens the door.")},
			[]string{"a/open_door"},
		},
		{
			"the length of a description counts, all of it", "mow lawn",
			[]full{plain("a", "t1", "Mows the lawn. "+long), plain("b", "t2", "Mows the lawn.")},
			[]string{"b/t2", "a/t1"},
		},
	} {
		got := named(viewOf(append(filler(), c.tools...)).Search(c.query, "", 10))
		if len(got) < len(c.want) || !slices.Equal(got[:len(c.want)], c.want) {
			t.Errorf("%s: %q found %v, want %v first", c.promise, c.query, got, c.want)
		}
	}
}

// A word that a visible tool has is no typo, however near another one is.
func TestSearch_aKnownWord_isNotMended(t *testing.T) {
	v := viewOf(append(filler(), plain("a", "add_cart", "Adds a cart."), plain("b", "move_card", "Moves a card.")))
	if got := named(v.Search("carts", "", 10)); !slices.Equal(got, []string{"a/add_cart"}) {
		t.Errorf("found %v, want a/add_cart alone", got)
	}
	v = viewOf(append(filler(), plain("b", "move_card", "Moves a card.")))
	if got := named(v.Search("cart", "", 10)); !slices.Equal(got, []string{"b/move_card"}) {
		t.Errorf("found %v, want what was probably meant", got)
	}
}

// What stands behind the 150th word of a description is not found.
func TestSearch_longDescriptions_areReadInPart(t *testing.T) {
	v := viewOf(append(filler(), plain("a", "t1", strings.Repeat("word ", 149)+"inside outside")))
	for word, want := range map[string]int{"inside": 1, "outside": 0} {
		if got := named(v.Search(word, "", 10)); len(got) != want {
			t.Errorf("%s found %v, want %d hits", word, got, want)
		}
	}
}

// Ties are decided by the server's name, then by its own order.
func TestSearch_ties_areInAFixedOrder(t *testing.T) {
	var tools []full
	for _, server := range []string{"b", "a"} {
		for _, name := range []string{"t2", "t1"} {
			tools = append(tools, plain(server, name, "Knits socks."))
		}
	}
	if got, want := named(viewOf(append(filler(), tools...)).Search("knit socks", "", 10)), []string{"a/t2", "a/t1", "b/t2", "b/t1"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// Of one server at most five are among the first ten, unless others have no hits
// or its tools are named.
func TestSearch_oneServer_hasAllIfOthersHaveNone(t *testing.T) {
	var tools []full
	for i := range 12 {
		tools = append(tools, plain("pushy", fmt.Sprint("send_mail_", i), "Sends mail."))
	}
	if got := viewOf(append(filler(), tools...)).Search("send mail", "", 10).Hits; len(got) != 10 {
		t.Errorf("found %d, want ten of the one server", len(got))
	}
}

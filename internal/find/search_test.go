package find_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/find"
)

// tool is a tool of a test: SERVER/TOOL and its description.
type tool struct{ server, name, about string }

// house are servers with tools as people have them.
var house = []tool{
	{"git", "git_create_branch", "Creates a new branch from an optional base branch."},
	{"git", "git_list_branches", "Lists the branches of the repository."},
	{"git", "git_show_branch", "Shows one branch with its last commit."},
	{"git", "git_delete_branch", "Deletes a branch."},
	{"git", "git_commit", "Records changes to the repository."},
	{"browser", "browser_click", "Clicks an element on the page."},
	{"browser", "browser_hover", "Hovers over an element on the page."},
	{"browser", "browser_open", "Opens a page."},
	{"browser", "browser_close", "Closes the page."},
	{"trello", "add_card", "Adds a card to a list of a board."},
	{"trello", "move_card", "Moves a card to another list."},
	{"trello", "archive_card", "Archives a card."},
	{"jira", "add_issue", "Adds an issue to a project, as a card on its board."},
	{"xml", "parseXMLFile", ""},
	{"vectors", "v3_batchImport", ""},
	{"charts", "make_barchart", "Draws bars for a table."},
	{"charts", "make_pie", "Draws a pie."},
	{"db", "list_tables", "Lists the tables of a database."},
	{"db", "list_databases", "Lists the databases of a server."},
	{"db", "list_servers", "Lists the servers that hold databases."},
	{"热搜", "weibo_hot", "获取微博热搜榜，包含时事热点"},
	{"cafe", "resume_order", "Goes on with an order of café au lait."},
	{"one", "search", "Searches articles."},
	{"two", "search", "Searches pictures."},
}

// view is the view of those who may use what permitted says; nil is all.
func view(tools []tool, permitted func(server, tool string) bool) *find.View {
	var servers []find.Server
	for _, t := range tools {
		at := slices.IndexFunc(servers, func(s find.Server) bool { return s.Name == t.server })
		if at < 0 {
			at, servers = len(servers), append(servers, find.Server{Name: t.server})
		}
		servers[at].Tools = append(servers[at].Tools, find.Tool{Name: t.name, Description: t.about})
	}
	var docs []*find.Docs
	for _, s := range servers {
		docs = append(docs, find.Read(s))
	}
	if permitted == nil {
		permitted = func(_, _ string) bool { return true }
	}
	return find.New(docs).View(permitted)
}

// named are the hits as SERVER/TOOL.
func named(r find.Result) []string {
	out := []string{}
	for _, h := range r.Hits {
		out = append(out, h.Server+"/"+h.Tool)
	}
	return out
}

func TestSearch_findsWhatIsMeant(t *testing.T) {
	for _, c := range []struct{ kind, query, first string }{
		{"exact name", "git_commit", "git/git_commit"},
		{"exact name in a sentence", "please use git_commit for this", "git/git_commit"},
		{"exact name with its server's", "trello/move_card", "trello/move_card"},
		{"exact name behind its server's", "trello__move_card", "trello/move_card"},
		{"case and signs aside", "Git-Commit", "git/git_commit"},
		{"one word of two servers", "two/search", "two/search"},
		{"parts", "parse an xml file", "xml/parseXMLFile"},
		{"parts", "batch import", "vectors/v3_batchImport"},
		{"parts written as one", "parsexmlfile", "xml/parseXMLFile"},
		{"typo", "delte_brnch", "git/git_delete_branch"},
		{"typo", "archve card", "trello/archive_card"},
		{"two words as one", "draw a bar chart", "charts/make_barchart"},
		{"one word as two", "movecard", "trello/move_card"},
		{"endings", "clicking elements", "browser/browser_click"},
		{"plural asks for a list", "show me the branches", "git/git_list_branches"},
		{"singular does not", "show me the branch", "git/git_show_branch"},
		{"synonym", "remove a branch", "git/git_delete_branch"},
		{"a server in full", "add a card in Trello", "trello/add_card"},
		{"what is not wanted", "hover over the button, not click", "browser/browser_hover"},
		{"what is not wanted", "open the page instead of closing it", "browser/browser_open"},
		{"where it is done", "list the tables in the database of the server", "db/list_tables"},
		{"accents", "resume the cafe order", "cafe/resume_order"},
		{"accents", "résumé order", "cafe/resume_order"},
		{"another tongue", "微博热搜", "热搜/weibo_hot"},
		{"no syntax", `"move" AND card*`, "trello/move_card"},
	} {
		if r := view(house, nil).Search(c.query, "", 10); len(r.Hits) == 0 || named(r)[0] != c.first || !r.Fits {
			t.Errorf("%s: %q found %v, which fit: %v; want %s first, and that it fits", c.kind, c.query, named(r), r.Fits, c.first)
		}
	}
}

func TestSearch_unwanted_isNotFoundFirst(t *testing.T) {
	got := named(view(house, nil).Search("hover over the element, do not click", "", 10))
	if click := slices.Index(got, "browser/browser_click"); click == 0 {
		t.Errorf("found %v, want browser_click not first", got)
	}
}

func TestSearch_nothingFits(t *testing.T) {
	for _, q := range []string{
		"book a dentist appointment", "mow the lawn", "order a pizza with cheese", "turn on the heating",
		"qwertz uiop asdf", "calibrate the telescope", "*", "  ", "!!!", "🙂", "",
	} {
		r := view(house, nil).Search(q, "", 10)
		if r.Fits || len(r.Hits) > 5 {
			t.Errorf("%q fits: %v, with %d hits; want that nothing fits, and 5 hits at most", q, r.Fits, len(r.Hits))
		}
	}
}

func TestSearch_exactNameOfSeveralServers_allBeforeOthers(t *testing.T) {
	got := named(view(house, nil).Search("search", "", 10))
	if len(got) < 2 || !slices.Equal(got[:2], []string{"one/search", "two/search"}) {
		t.Errorf("found %v, want one/search and two/search first", got)
	}
}

func TestSearch_oneServer_hasOnlyIts(t *testing.T) {
	for _, h := range view(house, nil).Search("add a card", "jira", 10).Hits {
		if h.Server != "jira" {
			t.Errorf("found %s/%s, want tools of jira only", h.Server, h.Tool)
		}
	}
}

func TestSearch_limit_cutsTheList(t *testing.T) {
	if got := view(house, nil).Search("branch", "", 2).Hits; len(got) != 2 {
		t.Errorf("found %d, want 2", len(got))
	}
}

// many is a server with tools that all say the same, beside one that says it
// less.
func many() []tool {
	var out []tool
	for i := range 12 {
		out = append(out, tool{"pushy", fmt.Sprintf("send_mail_%d", i), "Sends mail, sends mail, sends mail."})
	}
	return append(out, tool{"modest", "post", "Sends a mail to somebody who wants to read it."})
}

func TestSearch_oneServerOfTen_hasFiveIfOthersHaveSome(t *testing.T) {
	got := view(many(), nil).Search("send mail", "", 10).Hits
	if n := slices.IndexFunc(got, func(h find.Hit) bool { return h.Server == "modest" }); n < 0 || n > 5 {
		t.Errorf("found %v, want modest/post among the first six", got)
	}
	for _, h := range view(many(), nil).Search("pushy send mail", "", 10).Hits {
		if h.Server != "pushy" {
			t.Errorf("asked for pushy and found %s/%s, want it after pushy's", h.Server, h.Tool)
		}
	}
}

func TestSearch_repeatedWord_countsThreeTimesAtMost(t *testing.T) {
	mail := func(n int) string { return strings.Repeat("mail ", n) }
	got := named(view([]tool{{"a", "hundred", mail(100)}, {"b", "three", mail(3)}, {"c", "other", "post"}}, nil).Search("mail", "", 10))
	if want := []string{"b/three", "a/hundred"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v: more than three add nothing but length", got, want)
	}
}

func TestSearch_sameViewAndQuery_sameAnswer(t *testing.T) {
	v := view(house, nil)
	want := v.Search("list branches of the repository", "", 50)
	for range 20 {
		if got := view(house, nil).Search("list branches of the repository", "", 50); !slices.Equal(got.Hits, want.Hits) {
			t.Fatalf("found %v, want %v as before", named(got), named(want))
		}
	}
}

package browser

import "testing"

// Seen is what a person with the developer tools open sees of a page.
type Seen struct {
	Complaints []string // warnings and errors of the console, a broken content security policy among them; exceptions
	Requests   []string // "GET http://...", all since the tab was opened
	Dialog     string   // the text of the last alert, confirm or prompt
}

// Seen returns what the tools have shown so far.
func (p *Page) Seen(t testing.TB) Seen {
	t.Helper()
	var seen Seen
	p.read(t, &seen, "seen")
	return seen
}

// DismissDialogs answers the page's confirm and prompt with "cancel" from now
// on, or with "OK", as at first, if dismiss is false.
func (p *Page) DismissDialogs(t testing.TB, dismiss bool) {
	t.Helper()
	p.do(t, "dismiss", dismiss)
}

// Violation is what axe-core, a checker of accessibility, finds in a page.
type Violation struct {
	ID, Help, Impact string
	Nodes            []string // the elements, as HTML
}

// Axe checks how accessible the page is now: contrast, labels, roles, headings.
func (p *Page) Axe(t testing.TB) []Violation {
	t.Helper()
	var found []Violation
	p.read(t, &found, "axe")
	return found
}

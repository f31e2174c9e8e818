package browser

import (
	"encoding/base64"
	"encoding/json"
	"testing"
)

// Page is one tab. Selectors are Playwright's: CSS, text=..., role=button[name="..."].
type Page struct {
	browser *Browser
	number  int
}

// Open opens a tab at an address and returns it with the HTTP status, once the
// document is loaded.
func (b *Browser) Open(t testing.TB, url string) (*Page, int) {
	t.Helper()
	number, ok := b.do(t, "open", 0).(float64)
	if !ok {
		t.Fatal("the browser opened no tab")
	}
	p := &Page{browser: b, number: int(number)}
	return p, p.Goto(t, url)
}

func (p *Page) do(t testing.TB, call string, args ...any) any {
	t.Helper()
	return p.browser.do(t, call, p.number, args...)
}

// read has the driver do something and reads what it says into v.
func (p *Page) read(t testing.TB, v any, call string, args ...any) {
	t.Helper()
	text, err := json.Marshal(p.do(t, call, args...))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatalf("%s %v: %v", call, args, err)
	}
}

// Goto leaves for another address and returns the HTTP status.
func (p *Page) Goto(t testing.TB, url string) int {
	t.Helper()
	status, _ := p.do(t, "goto", url).(float64)
	return int(status)
}

// Reload loads the page anew and returns the HTTP status.
func (p *Page) Reload(t testing.TB) int {
	t.Helper()
	status, _ := p.do(t, "reload").(float64)
	return int(status)
}

// Click clicks the only element that a selector fits.
func (p *Page) Click(t testing.TB, selector string) { t.Helper(); p.do(t, "click", selector) }

// Fill replaces the text of a field.
func (p *Page) Fill(t testing.TB, selector, text string) { t.Helper(); p.do(t, "fill", selector, text) }

// Select chooses an option, by its value or its words.
func (p *Page) Select(t testing.TB, selector, option string) {
	t.Helper()
	p.do(t, "selectOption", selector, option)
}

// Press presses keys where the focus is: "Tab", "Enter", "Shift+Tab", "Control+A".
func (p *Page) Press(t testing.TB, keys ...string) {
	t.Helper()
	for _, key := range keys {
		p.do(t, "press", key)
	}
}

// Wait waits until an element that a selector fits is visible and contains
// these words, in any case; "" fits any.
func (p *Page) Wait(t testing.TB, selector, words string) {
	t.Helper()
	p.do(t, "wait", selector, words)
}

// WaitGone waits until no element that a selector fits is visible.
func (p *Page) WaitGone(t testing.TB, selector string) { t.Helper(); p.do(t, "gone", selector) }

// WaitURL waits until the page's address fits a glob: "**/callback?*".
func (p *Page) WaitURL(t testing.TB, glob string) { t.Helper(); p.do(t, "waitForURL", glob) }

// URL returns the page's address.
func (p *Page) URL(t testing.TB) string { t.Helper(); return p.text(t, "url") }

// Title returns the page's title.
func (p *Page) Title(t testing.TB) string { t.Helper(); return p.text(t, "title") }

// HTML returns the document as it is now, whatever it was when it came.
func (p *Page) HTML(t testing.TB) string { t.Helper(); return p.text(t, "content") }

// Text returns the visible text of the only element that a selector fits.
func (p *Page) Text(t testing.TB, selector string) string {
	t.Helper()
	return p.text(t, "innerText", selector)
}

// Texts returns the visible texts of all elements that a selector fits now; it
// does not wait for any.
func (p *Page) Texts(t testing.TB, selector string) []string {
	t.Helper()
	var texts []string
	p.read(t, &texts, "texts", selector)
	return texts
}

func (p *Page) text(t testing.TB, call string, args ...any) string {
	t.Helper()
	s, _ := p.do(t, call, args...).(string)
	return s
}

// Eval reads the value of a JavaScript expression into v, as JSON. A strict
// content security policy does not prevent it.
func (p *Page) Eval(t testing.TB, v any, expression string) {
	t.Helper()
	p.read(t, v, "evaluate", expression)
}

// Resize makes the window so many CSS pixels large.
func (p *Page) Resize(t testing.TB, width, height int) { t.Helper(); p.do(t, "resize", width, height) }

// Dark says which colours the person prefers from now on.
func (p *Page) Dark(t testing.TB, dark bool) {
	t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	p.do(t, "scheme", scheme)
}

// Screenshot returns a PNG of what is visible, or of the whole page.
func (p *Page) Screenshot(t testing.TB, whole bool) []byte {
	t.Helper()
	return decode(t, p.text(t, "shot", whole))
}

// Download clicks an element and returns the file that comes of it.
func (p *Page) Download(t testing.TB, selector string) (name string, content []byte) {
	t.Helper()
	var v struct{ Name, Content string }
	p.read(t, &v, "download", selector)
	return v.Name, decode(t, v.Content)
}

func decode(t testing.TB, text string) []byte {
	t.Helper()
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

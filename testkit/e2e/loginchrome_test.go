//go:build unix

package e2e_test

import (
	"strings"
	"testing"

	"gatehouse/testkit/browser"
)

// TestLogin_inChromium has a person with a real browser log in, who first
// changes their mind.
func TestLogin_inChromium(t *testing.T) {
	b := browser.Start(t, browser.Options{})
	h := host(t, nil, nil)

	refusing := h.run(t, "login", "notes")
	page, _ := b.Open(t, h.desk.opened(t, refusing))
	page.Click(t, "text=Cancel")
	page.WaitURL(t, "http://127.0.0.1:*/**")
	if said := refusing.ends(1); !strings.Contains(said, "access_denied") && !strings.Contains(said, "refused") {
		t.Errorf("the login says %q, want that access was refused", said)
	}
	if words := page.Text(t, "body"); strings.Contains(words, "code=") || words == "" {
		t.Errorf("the page at the end says %q, want what has happened", words)
	}
	h.wantsLogin(t)

	login := h.run(t, "login", "notes")
	page.Goto(t, h.desk.opened(t, login))
	page.Fill(t, "[name=login]", "ada")
	page.Fill(t, "[name=password]", "x")
	page.Click(t, `button:has-text("Sign-in")`)
	if name := page.Text(t, "body"); !strings.Contains(name, "notes:read") {
		t.Errorf("the page of consent says %q, want the scope notes:read", name)
	}
	page.Click(t, "text=Continue")
	login.ends(0)
	h.is(t, "ada")
	if words := page.Text(t, "body"); !strings.Contains(words, "close this page") {
		t.Errorf("the page at the end says %q, want that it can be closed", words)
	}
	if found := page.Axe(t); len(found) > 0 {
		t.Errorf("axe finds %+v in the page at the end, want nothing", found)
	}
}

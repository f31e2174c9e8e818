//go:build unix

package e2e_test

import (
	"bytes"
	"image/png"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit/browser"
)

// goodPage is what the tests of the browser itself look at.
const goodPage = `<!doctype html><html lang="en"><title>A page</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css"><script src="/script.js" defer></script>
<main><h1>Hello</h1><form><label>Name <input id="name"></label> <button>Greet</button></form>
<p id="said"></p><a href="/file" download="notes.txt">Download</a></main></html>`

const goodScript = `
document.querySelector('form').addEventListener('submit', (e) => {
  e.preventDefault()
  if (confirm('Sure?')) document.querySelector('#said').textContent = 'Hello, ' + document.querySelector('#name').value
})`

// pages serves a page under a strict content security policy.
func pages(t *testing.T, html string) string {
	t.Helper()
	files := map[string][2]string{
		"/":          {"text/html; charset=utf-8", html},
		"/script.js": {"text/javascript", goodScript},
		"/style.css": {"text/css", "body{background:white;color:black} @media (prefers-color-scheme: dark){body{background:black;color:white} a{color:aqua}}"},
		"/file":      {"text/plain", "the notes"},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", file[0])
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		_, _ = w.Write([]byte(file[1]))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestBrowser_readsClicksAndTypes(t *testing.T) {
	b := browser.Start(t, browser.Options{})
	at := pages(t, goodPage)
	p, status := b.Open(t, at+"/")
	if got := p.Title(t); status != http.StatusOK || got != "A page" {
		t.Fatalf("opened a page with status %d and title %q, want 200 and \"A page\"", status, got)
	}
	p.Fill(t, "#name", "Ada")
	p.Click(t, "text=Greet")
	p.Wait(t, "#said", "hello, ada")
	if got := p.Text(t, "#said"); got != "Hello, Ada" {
		t.Errorf("the page says %q, want \"Hello, Ada\"", got)
	}
	if got := p.Seen(t).Dialog; got != "Sure?" {
		t.Errorf("the page asked %q, want \"Sure?\"", got)
	}
	p.Reload(t)
	p.DismissDialogs(t, true)
	p.Press(t, "Tab", "B", "o", "b", "Enter")
	if got := p.Texts(t, "#said"); !slices.Equal(got, []string{""}) {
		t.Errorf("after \"cancel\" the page says %q, want nothing", got)
	}
	var name string
	if p.Eval(t, &name, "document.querySelector('#name').value"); name != "Bob" {
		t.Errorf("the keys wrote %q, want \"Bob\"", name)
	}
	if name, content := p.Download(t, "a"); name != "notes.txt" || string(content) != "the notes" {
		t.Errorf("downloaded %q, %q, want notes.txt with \"the notes\"", name, content)
	}
	for _, request := range p.Seen(t).Requests {
		if !strings.HasPrefix(request, "GET "+at) {
			t.Errorf("the page asked for %q, want the test's own server only", request)
		}
	}
}

func TestBrowser_seesWhatAPageDoesWrong(t *testing.T) {
	b := browser.Start(t, browser.Options{})
	good, _ := b.Open(t, pages(t, goodPage))
	if found := good.Axe(t); len(found) > 0 {
		t.Errorf("axe finds %v in a good page, want nothing", found)
	}
	if got := good.Seen(t).Complaints; len(got) > 0 {
		t.Errorf("the console complains of a good page: %q, want nothing", got)
	}
	bad, _ := b.Open(t, pages(t, `<!doctype html><title>Bad</title><input><p onclick="x()">x<script>document.title = 'Run'</script>`))
	if !slices.ContainsFunc(bad.Axe(t), func(v browser.Violation) bool { return v.ID == "label" && len(v.Nodes) == 1 }) {
		t.Errorf("axe finds %v, want a field without a label", bad.Axe(t))
	}
	if got := bad.Seen(t).Complaints; !strings.Contains(strings.Join(got, "\n"), "Content Security Policy") {
		t.Errorf("the console says %q, want that the policy was broken", got)
	}
	if got := bad.Title(t); got != "Bad" {
		t.Errorf("a script of the page has run: its title is %q, want \"Bad\"", got)
	}
}

func TestBrowser_looksLikeAPhoneOrADesk_lightOrDark(t *testing.T) {
	at := pages(t, goodPage)
	corner := func(p *browser.Page) (width int, grey uint32) {
		image, err := png.Decode(bytes.NewReader(p.Screenshot(t, false)))
		if err != nil {
			t.Fatal(err)
		}
		grey, _, _, _ = image.At(0, 0).RGBA()
		return image.Bounds().Dx(), grey
	}
	phone, _ := browser.Start(t, browser.Options{Width: 390, Height: 844, Dark: true, Phone: true}).Open(t, at)
	if width, grey := corner(phone); width != 390 || grey != 0 {
		t.Errorf("a dark phone shows %d pixels beginning with %#x, want 390, black", width, grey)
	}
	phone.Dark(t, false)
	phone.Resize(t, 500, 300)
	if width, grey := corner(phone); width != 500 || grey != 0xffff {
		t.Errorf("a light one shows %d pixels beginning with %#x, want 500, white", width, grey)
	}
}

//go:build unix

package e2e_test

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// desk is where a person sits: a program that opens addresses is on its PATH,
// which hands them to the test.
type desk struct {
	path string // for PATH
	fifo *os.File
}

// newDesk makes a desk whose xdg-open, or open, writes to the test.
func newDesk(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "opened")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"xdg-open", "open"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nprintf '%s\\n' \"$1\" > '"+fifo+"'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(fifo, os.O_RDWR|syscall.O_NONBLOCK, 0) // Never at its end.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &desk{path: dir + string(os.PathListSeparator) + os.Getenv("PATH"), fifo: f}
}

// opened waits for a command to open an address.
func (d *desk) opened(t *testing.T, by *running) string {
	t.Helper()
	seen := make(chan struct{})
	defer close(seen)
	go func() {
		select {
		case <-by.done:
			_ = d.fifo.SetReadDeadline(time.Now()) // Nothing comes any more.
		case <-seen:
		}
	}()
	if err := d.fifo.SetReadDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := d.fifo.Read(b); err != nil {
			t.Fatalf("no browser was opened: %v, want an address: %s", err, by.printed())
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

// person is somebody with a browser and an account, who agrees to everything.
type person struct {
	name string
	http http.Client
	end  string // where the browser ended; not asked for if stay
}

// newPerson makes a person. One who stays does not go where the authorization
// server sends the code to: the browser is on another machine.
func newPerson(t *testing.T, name string, stay bool) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{name: name, http: http.Client{Jar: jar, Timeout: testkit.Patience}}
	p.http.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		p.end = req.URL.String()
		q := req.URL.Query()
		if stay && (q.Has("code") || q.Has("error")) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return p
}

var (
	formTag    = regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	inputTag   = regexp.MustCompile(`<input[^>]*>`)
	attributes = regexp.MustCompile(`(\w+)="([^"]*)"`)
	unseen     = regexp.MustCompile(`(?s)<(style|script|title).*?</(style|script|title)>|<[^>]*>`)
)

// form returns where the first form of a page leads and what the person fills
// in: hidden fields stay, others get the person's name.
func (p *person) form(page string) (action string, values url.Values) {
	form := formTag.FindString(page)
	if form == "" {
		return "", nil
	}
	values = url.Values{}
	for _, input := range inputTag.FindAllString(form, -1) {
		field := attributesOf(input)
		if field["name"] != "" {
			values.Set(field["name"], cmp.Or(field["value"], p.name))
		}
	}
	return attributesOf(form[:strings.Index(form, ">")])["action"], values
}

func attributesOf(tag string) map[string]string {
	out := map[string]string{}
	for _, m := range attributes.FindAllStringSubmatch(tag, -1) {
		out[m[1]] = html.UnescapeString(m[2])
	}
	return out
}

// agrees opens an address, signs in and agrees, and returns the address and the
// words of the page at the end.
func (p *person) agrees(t *testing.T, address string) (end, words string) {
	t.Helper()
	page, err := p.visits(address)
	if err != nil {
		t.Fatalf("the person's browser: %v, want a page at the end", err)
	}
	return p.end, strings.Join(strings.Fields(html.UnescapeString(unseen.ReplaceAllString(page, " "))), " ")
}

// visits opens an address, sends each form that comes, and returns the first
// page without one.
func (p *person) visits(address string) (page string, err error) {
	p.end = address
	res, err := p.http.Get(address)
	for range 6 {
		if err != nil {
			return "", err
		}
		if page, err = body(res); err != nil {
			return "", err
		}
		action, values := p.form(page)
		if action == "" {
			return page, nil
		}
		to, err := res.Request.URL.Parse(action)
		if err != nil {
			return "", err
		}
		p.end = to.String()
		if res, err = p.http.PostForm(to.String(), values); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("the authorization server asks again and again, at last at %s", p.end)
}

func body(res *http.Response) (string, error) {
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return string(text), err
}

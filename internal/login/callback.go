package login

import (
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// callback listens on this machine for the answer that the person's browser brings.
type callback struct {
	listener net.Listener
	redirect string
	path     string
	server   *http.Server
	answers  chan outcome
}

// outcome is what an answer has led to.
type outcome struct {
	code string
	err  error
}

// listen opens the callback. Its address is address, which has port 0 where any will
// do.
func listen(ctx context.Context, address *url.URL) (*callback, error) {
	host := address.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, address.Port()))
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s for the answer of the browser: %w; end what uses that port, or log in with --manual", address.Host, err)
	}
	at := *address
	if tcp, ok := l.Addr().(*net.TCPAddr); ok {
		at.Host = net.JoinHostPort(address.Hostname(), strconv.Itoa(tcp.Port))
	}
	return &callback{listener: l, redirect: at.String(), path: at.EscapedPath(), answers: make(chan outcome, 1)}, nil
}

// serve answers the browser until close. Only the first answer to the attempt counts;
// all else, such as a favicon or the guess of a web page, is answered and changes
// nothing.
func (c *callback) serve(a attempt) {
	taken := make(chan struct{}, 1)
	c.server = &http.Server{
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 64 << 10,
		DisableGeneralOptionsHandler: true,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.EscapedPath() != c.path {
				page(w, http.StatusNotFound, "There is nothing here", "gatehouse waits for the answer to a login, and this is not it.")
				return
			}
			code, err := a.code(r.URL.Query())
			if err == errNotOurs { //nolint:errorlint // It is never wrapped.
				page(w, http.StatusBadRequest, "This is not the login that gatehouse waits for", "Use the page that gatehouse opened, or the address that it printed.")
				return
			}
			select {
			case taken <- struct{}{}:
			default:
				page(w, http.StatusGone, "This login is over", "The answer came before. You can close this page.")
				return
			}
			if err != nil {
				page(w, http.StatusOK, "gatehouse is not logged in", "Your terminal says why. You can close this page.")
			} else {
				page(w, http.StatusOK, "gatehouse has the answer", "Your terminal says how it went. You can close this page.")
			}
			c.answers <- outcome{code, err}
		}),
	}
	go func() { _ = c.server.Serve(c.listener) }() // Ends with close.
}

// close ends the callback, once what is being answered is.
func (c *callback) close(ctx context.Context) {
	if c.server == nil {
		_ = c.listener.Close()
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if c.server.Shutdown(ctx) != nil {
		_ = c.server.Close()
	}
}

// page answers the browser. Nothing of the request is in it, nor does it load
// anything or tell where it came from.
func page(w http.ResponseWriter, status int, title, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>gatehouse</title><main><h1>"+html.EscapeString(title)+"</h1><p>"+html.EscapeString(text)+"</p></main>\n") // Whoever asked may be gone.
}

package ops

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
)

//go:embed page
var pages embed.FS

// templates are all of the page. They are read when the first page is made.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(funcs).ParseFS(pages, "page/*.html"))
})

// files serves the page's style and script.
func files(mux *http.ServeMux) {
	static, err := fs.Sub(pages, "page/static")
	if err != nil {
		panic("internal: the page's files are not built in: " + err.Error())
	}
	serve := http.StripPrefix("/static/", http.FileServerFS(static))
	mux.HandleFunc("GET /static/{name}", serve.ServeHTTP)
}

// render writes a template as a page.
func (s *Server) render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := templates().ExecuteTemplate(&page, name, data); err != nil {
		s.opts.Log.Error("a page cannot be made", slog.String("page", name), slog.Any("err", err))
		http.Error(w, "The page cannot be made; the gateway's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // Whoever asked may be gone.
}

// sorry says why there is no page.
func (s *Server) sorry(w http.ResponseWriter, status int, text string) {
	s.render(w, status, "sorry", sorry{status, http.StatusText(status), text})
}

type sorry struct {
	Status      int
	Title, Text string
}

package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/ops"
	"gatehouse/internal/ops/metrics"
)

// marked fills a value with facts that no other one has, and notes each with its
// path: texts and numbers that can be found again wherever they are shown.
type marked struct {
	next  int
	facts map[string]string
}

func (m *marked) fill(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Now().Add(time.Hour)))
			return
		}
		for i := range v.NumField() {
			m.fill(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		m.fill(v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		m.fill(v.Index(0), path)
	case reflect.String:
		m.next++
		v.SetString(fmt.Sprintf("fact%dq", m.next))
		m.facts[path] = v.String()
	case reflect.Int, reflect.Int64:
		m.next++
		v.SetInt(int64(7_000_000 + m.next))
		m.facts[path] = fmt.Sprint(v.Int())
	case reflect.Uint64:
		m.next++
		v.SetUint(uint64(7_000_000 + m.next))
		m.facts[path] = fmt.Sprint(v.Uint())
	}
}

// shows are the facts that a text has, of those that were filled in.
func (m *marked) shows(text string) map[string]bool {
	found := map[string]bool{}
	for path, fact := range m.facts {
		found[path] = strings.Contains(text, fact)
	}
	return found
}

// factsOnly is a gateway that has facts and does nothing.
type factsOnly struct {
	admin.Gateway

	status admin.Status
	detail admin.ServerDetail
}

func (g factsOnly) Status() admin.Status { return g.status }
func (g factsOnly) Server(string) (admin.ServerDetail, error) {
	return g.detail, nil
}
func (g factsOnly) Tools(string, string) (admin.Tools, error) { return admin.Tools{}, nil }
func (g factsOnly) Reloads() []admin.Report                   { return g.status.Reloads }

// onPage is the text of all views of the operators' page that show the status.
func onPage(t *testing.T, g admin.Gateway) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := ops.Serve(l, ops.Options{Gateway: g, Counted: metrics.NewBook(nil), UID: os.Getuid(), Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(s.Close)
	var all strings.Builder
	for _, path := range []string{"/", "/reloads", "/server?name=db"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(&all, resp.Body)
		_ = resp.Body.Close() // It was only read.
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %d, %v, want the page: %s", path, resp.StatusCode, err, all.String())
		}
	}
	return all.String()
}

// apart are facts that one of the two shows in words of its own, or has no use for.
var apart = map[string]string{
	"status.UptimeMS": "an age", "status.GenerationAgeMS": "an age", "server.UptimeMS": "an age",
	"status.Ops": "the page is there", "status.Actors.Does": "the command names them",
}

// What operators are told comes from one source, and neither the command nor the
// page leaves out what the other one says.
func TestStatus_commandAndPage_showTheSameFacts(t *testing.T) {
	m := &marked{facts: map[string]string{}}
	var g factsOnly
	m.fill(reflect.ValueOf(&g.status).Elem(), "status")
	m.fill(reflect.ValueOf(&g.detail).Elem(), "server")
	g.status.Servers = nil
	for path := range m.facts {
		if strings.HasPrefix(path, "status.Servers") { // The server below is its own.
			delete(m.facts, path)
		}
	}
	var command, views strings.Builder
	for _, c := range []struct{ state, outcome string }{{"ready", "applied"}, {"ready", "rejected"}, {"quarantined", "applied"}, {"held", "applied"}} {
		one := g
		one.detail.State = c.state
		if c.state == "ready" {
			one.detail.Reason, one.detail.NextAttempt = "", nil
		}
		one.status.Servers = []admin.ServerStatus{one.detail.ServerStatus}
		one.status.Reloads = slices.Clone(g.status.Reloads)
		one.status.Reloads[0].Outcome = c.outcome
		for _, fine := range []bool{false, true} {
			if fine {
				one.status.Audit.Err, one.status.Audit.Lost, one.status.Audit.Young, one.status.Audit.Cut = "", 0, 0, 0
			}
			command.WriteString(page{now: time.Now()}.status(one.status) + page{now: time.Now()}.server(one.detail))
			views.WriteString(onPage(t, one))
		}
	}
	onCommand, shown := m.shows(command.String()), m.shows(views.String())
	for path := range m.facts {
		if onCommand[path] != shown[path] && apart[path] == "" {
			t.Errorf("%s: got it from the command: %t, on the page: %t; want both or neither", path, onCommand[path], shown[path])
		}
	}
}

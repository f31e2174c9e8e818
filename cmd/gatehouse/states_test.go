package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/eventstream"

	"gatehouse/actors/journal"
	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/redact"
	"gatehouse/internal/snapshot"
)

// Whoever reads the table of a server's life knows what status says.
func TestStatus_usesTheWordsOfTheTableOfAServersLife(t *testing.T) {
	o := &operator{app: &app{}, memory: journal.Remember(eventstream.NewEventStream())}
	for _, state := range endpoint.States() {
		route := &snapshot.Route{Redact: redact.New(nil), Cell: endpoint.NewCell("db", endpoint.Identity{Spec: ""}, endpoint.Status{State: state})}
		route.Entry.Name = "db"
		shown := o.serverStatus(route, time.Now())
		if shown.State != string(state) {
			t.Errorf("status --json says %q, want %q", shown.State, state)
		}
		text := page{now: time.Now()}.status(admin.Status{Ready: true, Servers: []admin.ServerStatus{shown}})
		if !slices.Contains(strings.Fields(text), string(state)) {
			t.Errorf("want the word %q in\n%s", state, text)
		}
	}
}

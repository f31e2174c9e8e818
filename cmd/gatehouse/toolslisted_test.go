package main

import (
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/lists"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/toolbook"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// A server that says something else of its tool for a moment is found out, however soon
// it lists the tool as before: tools --changes has both changes, in their order.
func TestTools_listsThatComeAtOnce_areAllCompared(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		cell := endpoint.NewCell("s", endpoint.Identity{Spec: "s"}, endpoint.Status{State: endpoint.Ready})
		route := &snapshot.Route{Entry: serversfile.Entry{Name: "s"}, Redact: redact.New(nil), Cell: cell}
		log, err := audit.Open(os.DevNull, audit.Options{Instance: "i"})
		if err != nil {
			t.Fatal(err)
		}
		a := &app{
			sys: w.System, store: &snapshot.Store{}, reapers: &sync.WaitGroup{}, audit: log,
			toolbook: toolbook.Open("", func(s string) string { return s }), keeping: newKeeping(lists.Open(t.TempDir(), func(error) {})),
		}
		a.store.Replace(snapshot.New(1, time.Now(), policy.Compile(policy.Rules{}), "", []*snapshot.Route{route}))
		const changes = 20
		for i := range changes + 1 {
			raw := `{"name":"read","description":"` + strconv.Itoa(i%2) + `"}`
			cell.PublishCatalog(endpoint.Catalog{Known: true, Tools: []endpoint.Tool{{Name: "read", Raw: []byte(raw)}}})
			a.toolsListed(messages.ToolsListed{Server: "s"})
		}
		a.reapers.Wait()
		latest, total := a.toolbook.Changes("s")
		if total != changes {
			t.Errorf("got %d changes, want %d", total, changes)
		}
		for i := 1; i < len(latest); i++ {
			if got, want := latest[i].Was, latest[i-1].Hash; got != want {
				t.Errorf("change %d: got one of the definition %s, want it of %s, which the change before has brought", i, got, want)
			}
		}
		a.keeping.work.Wait()
		if err := log.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

package peer_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/mcpedge/peer"
)

// FuzzHead reads any head of a call: what is read of it is read again from what
// this gateway would write.
func FuzzHead(f *testing.F) {
	f.Add("Gatehouse-Epoch: 7\nGatehouse-Agent: a%20b\nGatehouse-Timeout-Ms: 9\nGatehouse-Wants: progress")
	f.Add("Gatehouse-Max-Bytes: 1073741825")
	f.Add("Gatehouse-Tool: %zz")
	f.Add("Gatehouse-Capabilities: %7B%7D\nGatehouse-Log-Level: alert\nGatehouse-Form: ☃")
	f.Fuzz(func(t *testing.T, lines string) {
		h := http.Header{}
		for line := range strings.SplitSeq(lines, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			h.Add(name, value)
		}
		once, err := peer.WrittenAgain(h)
		if err != nil {
			return
		}
		twice, err := peer.WrittenAgain(once)
		if diff := cmp.Diff(once, twice); err != nil || diff != "" {
			t.Errorf("%q: got %v, want the same again (-want +got)\n%s", lines, err, diff)
		}
	})
}

// FuzzPath holds every key against the path under which it is asked for.
func FuzzPath(f *testing.F) {
	f.Add("s", "")
	f.Add("a/b@c", "me@home")
	f.Add("%40", "..")
	f.Fuzz(func(t *testing.T, server, agent string) {
		if server == "" || strings.ContainsRune(server, 0) || strings.ContainsRune(agent, 0) {
			return // Such a server there is not.
		}
		key := server
		if agent != "" {
			key += "\x00" + agent
		}
		path := peer.PathOf("/p/", key)
		if got, ok := peer.KeyOf("/p/", path); !ok || got != key {
			t.Errorf("asked for at %s: got %q, %t, want %q", path, got, ok, key)
		}
		if rest := strings.TrimPrefix(path, "/p/"); strings.ContainsAny(rest, "/?#.") {
			t.Errorf("%q: got %s, want one segment", key, path)
		}
		_, _ = peer.KeyOf("/p/", server) // Whatever it is.
	})
}

// FuzzEvents reads any stream of another gateway: what is read of it is read again
// from what this gateway would send.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("event: progress\nid: 2\ndata: {}\n\nevent: result\nid: 4\ndata: null\n\n"))
	f.Add([]byte("event: x\nid: -1\ndata: \n\n"))
	f.Add([]byte("event: x\nid: 99999999999\ndata: \n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		events := peer.ReadEvents(bytes.NewReader(stream))
		var again []byte
		for _, e := range events {
			again = peer.AppendEvent(again, e)
		}
		if diff := cmp.Diff(events, peer.ReadEvents(bytes.NewReader(again))); diff != "" {
			t.Errorf("%q: want the same again (-want +got)\n%s", stream, diff)
		}
	})
}

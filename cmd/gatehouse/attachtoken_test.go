package main

import (
	"bytes"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestAttach_tokenInTheKeyring_isKeptUsedAndForgotten(t *testing.T) {
	before := tokenKeyring
	ring := &testkit.Keyring{}
	tokenKeyring = ring
	t.Cleanup(func() { tokenKeyring = before })
	o := attachOptions{url: "https://gw.example.com/mcp", surface: surfaceGate, keyring: true}
	if _, err := o.token(); err == nil || !strings.Contains(err.Error(), "--keep-token") {
		t.Errorf("nothing kept: got %v, want how to put it there", err)
	}
	var out bytes.Buffer
	for _, wrong := range []string{"two words\n", "caf\u00e9\n", strings.Repeat("x", 1<<20)} {
		if err := o.storeToken(strings.NewReader(wrong), &out); err == nil || ring.Len() != 0 {
			t.Errorf("%.20q: got %v and %d kept, want it refused", wrong, err, ring.Len())
		}
	}
	if err := o.storeToken(strings.NewReader("marked-secret\n"), &out); err != nil {
		t.Fatal(err)
	}
	read, err := o.token()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(); got != "marked-secret" || err != nil {
		t.Errorf("got the token: %t, %v; want it", got == "marked-secret", err)
	}
	if err := o.storeToken(strings.NewReader("\n"), &out); err != nil || ring.Len() != 0 {
		t.Errorf("an empty line: got %v and %d kept, want none", err, ring.Len())
	}
	if got := out.String(); strings.Contains(got, "marked-secret") || !strings.Contains(got, "gw.example.com") {
		t.Errorf("got %q, want the gateway named and no token", got)
	}
}

func TestAttach_tokenInTheKeyring_wrongUses(t *testing.T) {
	freshHome(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--token-keyring"}, "need --url"},
		{[]string{"--keep-token"}, "need --url"},
		{[]string{"--url", "http://gw.example.com/mcp", "--token-keyring"}, "use https"},
		{[]string{"--url", "http://gw.example.com/mcp", "--keep-token"}, "use https"},
		{[]string{"--url", "https://gw.example.com/mcp", "--token-keyring", "--token-file", "x"}, "cannot be combined"},
	} {
		atHome(t, append([]string{"attach"}, c.args...)...).want(t, exitUsage, c.want)
	}
}

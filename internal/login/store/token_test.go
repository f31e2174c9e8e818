package store_test

import (
	"errors"
	"net/url"
	"testing"
	"testing/synctest"

	"gatehouse/internal/login/store"
	"gatehouse/testkit"
)

func at(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestToken_isForAllPathsOfAGateway_andForNoOther(t *testing.T) {
	t.Parallel()
	ring := &testkit.Keyring{}
	if err := store.KeepToken(ring, at(t, "https://GW.example.com/mcp?agent=a"), "marked-secret"); err != nil {
		t.Fatal(err)
	}
	if got, err := store.TokenFor(ring, at(t, "https://gw.example.com/all/mcp")); err != nil || got != "marked-secret" {
		t.Errorf("got it: %t, %v; want the token", got == "marked-secret", err)
	}
	for _, other := range []string{"http://gw.example.com/mcp", "https://gw.example.com:8443/mcp", "https://gw.example.com.evil.example/mcp"} {
		if got, err := store.TokenFor(ring, at(t, other)); err == nil || got != "" {
			t.Errorf("%s: got a token: %t, %v; want none", other, got != "", err)
		}
	}
	if err := store.KeepToken(ring, at(t, "https://gw.example.com"), ""); err != nil || ring.Len() != 0 {
		t.Errorf("forgotten: got %v and %d kept, want none", err, ring.Len())
	}
}

func TestToken_keyringThatFailsOrHangs_isAnErrorInTime(t *testing.T) {
	t.Parallel()
	gw := at(t, "https://gw.example.com")
	if err := store.KeepToken(&testkit.Keyring{Err: errors.New("locked")}, gw, "x"); err == nil {
		t.Error("a locked keyring: got no error, want one")
	}
	synctest.Test(t, func(t *testing.T) {
		ring := &testkit.Keyring{Hang: make(chan struct{})}
		if _, err := store.TokenFor(ring, gw); err == nil {
			t.Error("a keyring that hangs: got no error, want one")
		}
		close(ring.Hang)
	})
}

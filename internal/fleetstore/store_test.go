package fleetstore_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/internal/fleetstore"
	kit "gatehouse/testkit/fleet"
)

// open returns a store of a fleet, which is closed at the end of the test.
func open(t *testing.T, urls []string, name string) *fleetstore.Store {
	t.Helper()
	s, err := fleetstore.Open(t.Context(), fleetstore.Config{URLs: urls, Fleet: name, TTL: kit.TTL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestStore_doesWhatEveryStoreMust(t *testing.T) {
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{})
	t.Run("cases", func(t *testing.T) {
		for i, c := range kit.Conformance() {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				name := "fleet-" + string(rune('a'+i))
				c.Run(t, func() fleet.Store { return open(t, etcd.URLs(), name) })
			})
		}
	})
}

func TestCheckVersion(t *testing.T) {
	for version, good := range map[string]bool{
		"3.4.37": false, "3.4.38": true, "3.5.22": false, "3.5.23": true, "3.6.4": false, "3.6.5": true,
		"3.7.0": true, "3.8.0-alpha.0": true, "4.0.0": true, "3.3.99": false, "2.3.8": false, "not": false, "": false,
	} {
		err := fleetstore.CheckVersion("https://etcd:2379", version)
		if (err == nil) != good {
			t.Errorf("%q: got %v, want that it passes: %v", version, err, good)
		}
		if err != nil && !strings.Contains(err.Error(), "https://etcd:2379") {
			t.Errorf("%q: got %q, which must name the member", version, err)
		}
	}
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

package fleet_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/fleet"
)

func TestBoard_whatCannotBeRead_isNamed(t *testing.T) {
	entries := []fleet.Entry{
		{Key: fleet.NodeKey("good"), Value: []byte(`{"id": "good"}`), Created: 3, Modified: 3},
		{Key: fleet.NodeKey("bad"), Value: []byte(`{`), Created: 4, Modified: 4},
		{Key: fleet.OwnerKey("s"), Value: []byte(`{"node": "good", "Node": "other"}`), Created: 5, Modified: 5},
		{Key: fleet.KeyActive, Value: []byte(`[]`), Created: 6, Modified: 6},
		{Key: "owners/%zz", Value: []byte(`{}`), Created: 7, Modified: 7},
		{Key: "later/version", Value: []byte(`?`), Created: 8, Modified: 8},
		{Key: "later/version/a@b@c %", Value: []byte(`?`), Created: 8, Modified: 8}, // Its names may have any form.
		{Key: "config/later/1", Value: []byte(`?`), Created: 8, Modified: 8},
	}
	b := fleet.NewBoard(1, 9, entries)
	v := b.View()
	if len(v.Nodes) != 1 || len(v.Owners) != 0 || v.Active != nil || v.Joined["good"] != 3 {
		t.Errorf("got nodes %v, owners %v, active %v, want the good node alone", v.Nodes, v.Owners, v.Active)
	}
	named := strings.Join(v.Summary(), "\n")
	for _, key := range []string{"nodes/bad", "owners/s", "config/active", "owners/%zz"} {
		if !strings.Contains(named, key+": ") {
			t.Errorf("got %q as damaged, want %s in it", named, key)
		}
	}
	if len(v.Damaged) != 4 {
		t.Errorf("got %d damaged keys, want 4: %q", len(v.Damaged), named)
	}
	b.Apply(10, []fleet.Entry{{Key: fleet.NodeKey("bad"), Value: []byte(`{}`), Created: 4, Modified: 10}})
	if after := b.View(); after.Nodes["bad"].ID != "bad" || len(after.Damaged) != 3 || len(v.Damaged) != 4 {
		t.Errorf("got nodes %v and %d damaged keys once it was mended (%d in the view before), want both nodes, 3 and 4", after.Nodes, len(after.Damaged), len(v.Damaged))
	}
}

// A gateway claims under a lease.
func TestBoard_claimWithoutALease_isNoClaim(t *testing.T) {
	claim := fleet.Entry{Key: fleet.OwnerKey("s"), Value: []byte(`{"node": "n1"}`), Created: 5, Modified: 5}
	v := fleet.NewBoard(1, 9, []fleet.Entry{claim}).View()
	if len(v.Owners) != 0 || !strings.Contains(v.Damaged[claim.Key], "no lease") || v.Void["s"] != (fleet.VoidClaim{Created: 5, Modified: 5}) {
		t.Errorf("got owners %v, void %v and %q as damaged, want nobody, s and %s", v.Owners, v.Void, v.Summary(), claim.Key)
	}
}

// A claim is written once, and a write by hand takes its lease away, whatever it says.
func TestBoard_claimThatIsWrittenAgain_isNoClaim(t *testing.T) {
	claim := fleet.Entry{Key: fleet.OwnerKey("s"), Value: []byte(`{"node": "n1"}`), Created: 5, Modified: 5, Lease: 1}
	b := fleet.NewBoard(1, 9, []fleet.Entry{claim})
	if v := b.View(); v.Owners["s"].Node != "n1" || len(v.Damaged) != 0 {
		t.Errorf("got owners %v and %q as damaged, want n1 and nothing", v.Owners, v.Summary())
	}
	claim.Modified = 10
	b.Apply(10, []fleet.Entry{claim})
	if v := b.View(); len(v.Owners) != 0 || v.Damaged[claim.Key] == "" {
		t.Errorf("got owners %v and %q as damaged once it was written again, want nobody and %s", v.Owners, v.Summary(), claim.Key)
	}
	b.Apply(11, []fleet.Entry{{Key: claim.Key, Deleted: true, Modified: 11}})
	if v := b.View(); len(v.Damaged)+len(v.Void) != 0 {
		t.Errorf("got %q as damaged once it was released, want nothing", v.Summary())
	}
}

// Who writes to the store past apply is held to its limit, too.
func TestBoard_filesThatAreTooLarge_areLeftOutAndNamed(t *testing.T) {
	active := func(bytesOfBoth int) fleet.View {
		half := bytes.Repeat([]byte(" "), bytesOfBoth/2)
		value, err := json.Marshal(fleet.Content{Servers: half, Rules: half})
		if err != nil {
			t.Fatal(err)
		}
		return fleet.NewBoard(1, 9, []fleet.Entry{{Key: fleet.KeyActive, Value: value, Created: 6, Modified: 6}}).View()
	}
	if v := active(fleet.MaxContent); v.Active == nil || len(v.Damaged) != 0 {
		t.Errorf("got %v named, want files of %d bytes taken", v.Summary(), fleet.MaxContent)
	}
	if v := active(fleet.MaxContent + 2); v.Active != nil || !strings.Contains(v.Damaged[fleet.KeyActive], "1048578 bytes") {
		t.Errorf("got %v named, want files of %d bytes left out, and named", v.Summary(), fleet.MaxContent+2)
	}
}

func TestKeys_namesMayHoldAnything(t *testing.T) {
	for _, c := range []struct{ server, agent, want string }{
		{"notes", "", "owners/notes"},
		{"a/b@c %", "", "owners/a%2Fb%40c%20%25"},
		{"db", "team/x", "owners/db@team%2Fx"},
	} {
		key := fleet.KeyOf(c.server, c.agent)
		if got := fleet.OwnerKey(key); got != c.want {
			t.Errorf("%q for %q: got the key %s, want %s", c.server, c.agent, got, c.want)
		}
		if server, agent := fleet.SplitKey(key); server != c.server || agent != c.agent {
			t.Errorf("got %q and %q back, want %q and %q", server, agent, c.server, c.agent)
		}
	}
}

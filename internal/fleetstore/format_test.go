package fleetstore_test

import (
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/fleetstore"
	kit "gatehouse/testkit/fleet"
)

func TestOpen_fleetOfALaterFormat(t *testing.T) {
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{})
	client, err := clientv3.New(clientv3.Config{Endpoints: etcd.URLs()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for _, c := range []struct{ format, want string }{
		{"1", ""}, {"2", "install the version that the other gateways have"}, {"two", "somebody has overwritten it"}, {"", "somebody has overwritten it"}, {"0", "somebody"},
	} {
		if _, err := client.Put(t.Context(), "/gatehouse/later/format", c.format); err != nil {
			t.Fatal(err)
		}
		s, err := fleetstore.Open(t.Context(), fleetstore.Config{URLs: etcd.URLs(), Fleet: "later", TTL: kit.TTL})
		if err == nil {
			s.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("format %q: got %v, want %q", c.format, err, c.want)
		}
	}
	open(t, etcd.URLs(), "another") // Without the key, as all fleets of before.
}

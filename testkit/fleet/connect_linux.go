package fleet

import (
	"cmp"
	"strings"
	"time"

	"gatehouse/testkit"
)

// etcdOptions are those of the fleet's store: with a network each member has a host.
func (f *Fleet) etcdOptions() EtcdOptions {
	o := EtcdOptions{Quota: f.options.Quota}
	if f.network != nil {
		f.authority = NewAuthority(f.t)
		o.place = func() *place {
			h := f.network.host()
			f.stores = append(f.stores, h)
			return &place{address: func() string { return h.address(f.t) }, command: h.command}
		}
	}
	return o
}

// connect puts what can harm a gateway between it and all others. It returns where it
// listens for the others, the address that they are told, and where it finds etcd.
func (f *Fleet) connect(n *Node) (listen, advertise string, urls []string) {
	f.t.Helper()
	if f.network != nil {
		n.host = f.network.host()
		listen = n.host.address(f.t)
		return listen, listen, f.Etcd.URLs()
	}
	listen, advertise = testkit.FreeAddress(f.t), ""
	if !f.options.Direct {
		n.peers = StartProxy(f.t, listen)
		advertise = n.peers.Addr()
	}
	for _, m := range f.Etcd.Members {
		p := StartProxy(f.t, strings.TrimPrefix(m.URL, "http://"))
		n.stores, urls = append(n.stores, p), append(urls, "http://"+p.Addr())
	}
	return listen, cmp.Or(advertise, listen), urls
}

// PeerFlags are the flags that a gateway needs to speak TLS to others: it must, unless
// all are on one machine.
func (n *Node) PeerFlags() []string {
	f := n.fleet
	if f.network == nil {
		return nil
	}
	files := f.authority.Issue(f.t, Certificate{Names: []string{fleetName}, Left: 100 * 24 * time.Hour})
	return []string{"--fleet-cert", files.Cert, "--fleet-key", files.Key, "--fleet-ca", f.authority.File(f.t)}
}

// Isolate has all of a gateway's connections to etcd, and those of the others to it, do
// something. With a network these are all of its connections to them, too.
func (n *Node) Isolate(m Mode) {
	n.CutPeers(m)
	n.CutStore(m)
}

// CutPeers has the connections of the other gateways to this one do something.
func (n *Node) CutPeers(m Mode) {
	if n.peers != nil {
		n.peers.Set(m)
		return
	}
	if n.host == nil {
		return // They reach it directly.
	}
	for _, other := range n.fleet.Others(n) {
		n.fleet.network.between(n.host, other.host, m)
	}
}

// CutStore has the gateway's connections to etcd do something.
func (n *Node) CutStore(m Mode) {
	for _, p := range n.stores {
		p.Set(m)
	}
	if n.host != nil {
		for _, store := range n.fleet.stores {
			n.fleet.network.between(n.host, store, m)
		}
	}
}

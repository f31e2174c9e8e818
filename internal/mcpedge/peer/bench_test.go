package peer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
)

// BenchmarkCall is the hop alone, both ends of it in one process, without TLS.
func BenchmarkCall(b *testing.B) {
	for _, size := range []int{64, 64 << 10} {
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("%d_bytes_%d_callers", size, callers), func(b *testing.B) {
				session := testkit.NewSession(1, testkit.Says(`{"text":"`+strings.Repeat("x", size)+`"}`))
				b.Cleanup(func() { session.Close(nil) })
				client, target := benched(b, session)
				s, err := client.Open(b.Context(), target)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { s.Close(nil) })
				b.ReportAllocs()
				b.SetParallelism(callers)
				each := func() {
					if _, err := s.Call(b.Context(), endpoint.Request{Method: "tools/call", By: endpoint.Call{ID: "1", Agent: "a", Origin: "a"}, Params: []byte(`{"name":"x"}`), Generation: 5, Deadline: time.Now().Add(time.Minute)}); err != nil {
						b.Error(err)
					}
				}
				if callers == 1 {
					for b.Loop() {
						each()
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						each()
					}
				})
			})
		}
	}
}

// benched starts an owner of a session.
func benched(b *testing.B, session endpoint.Session) (*peer.Client, peer.Target) {
	b.Helper()
	o := &owner{key: theKey, places: 1000}
	o.epoch.Store(theEpoch)
	o.cell = endpoint.NewCell("notes", endpoint.Identity{Spec: "x"}, endpoint.Status{State: endpoint.Starting})
	testkit.Publish(o.cell, endpoint.Status{State: endpoint.Ready, Run: 1, Session: session})
	address := o.serve(b)
	client := peer.NewClient(peer.ClientConfig{})
	b.Cleanup(client.Close)
	return client, peer.Target{Key: o.key, Node: "n1", Address: address, Epoch: theEpoch, Form: theForm}
}

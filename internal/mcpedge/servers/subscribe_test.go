package servers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

const announcing = `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"ttlMs":0,"cacheScope":"private"}`

// changes counts what OnToolsChanged hears.
func changes() (opts servers.Options, heard chan struct{}) {
	heard = make(chan struct{}, 100)
	return servers.Options{OnToolsChanged: func() { heard <- struct{}{} }}, heard
}

func TestStdio_stateless_subscribesToChangesOfTools(t *testing.T) {
	p, pipes := newPeer(t)
	got := make(chan request, 1)
	go func() {
		p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, p.read().ID, announcing)
		got <- p.acknowledge()
	}()
	opts, heard := changes()
	s, err := servers.OpenStdio(t.Context(), pipes, opts)
	if err != nil {
		t.Fatal(err)
	}
	r := await(t, got)
	if r.Method != "subscriptions/listen" || !strings.Contains(string(r.Params), `"notifications":{"toolsListChanged":true}`) ||
		!strings.Contains(string(r.Params), `"io.modelcontextprotocol/protocolVersion":"2026-07-28"`) {
		t.Errorf("got %s, want a subscription to tools, by 2026-07-28", r.line)
	}
	p.write(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":%s}}}`, r.ID)
	await(t, heard)
	s.Close(nil)
	await(t, s.Done())
}

func TestStdio_stateless_subscribesOnlyWhereChangesAreAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meet(t, "", script{"server/discover": {answer: `"result":` + goodDiscover}})
		time.Sleep(time.Hour)
		if m.err != nil || strings.Join(m.asked, " ") != "server/discover" {
			t.Errorf("got %v, asked %q, want server/discover", m.err, m.asked)
		}
	})
}

func TestStdio_stateless_subscribesAgainWhenASubscriptionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(p *peer, id json.RawMessage)
		again bool
	}{
		"by its answer": {func(p *peer, id json.RawMessage) {
			p.write(`{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete"}}`, id)
		}, true},
		"by an error": {func(p *peer, id json.RawMessage) {
			p.write(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32603,"message":"x"}}`, id)
		}, true},
		"by a cancellation": {func(p *peer, id json.RawMessage) {
			p.write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`, id)
		}, true},
		"but not where the server does not know it": {func(p *peer, id json.RawMessage) {
			p.write(`{"jsonrpc":"2.0","id":%s,`+notFound+`}`, id)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts, heard := changes()
				s, p := openStateless(t, opts, announcing)
				list := call(t.Context(), s, endpoint.Request{Method: "tools/list"})
				p.write(`{"jsonrpc":"2.0","id":%s,"result":{"tools":[]}}`, p.read().ID)
				await(t, list)
				subscribed := make(chan time.Time, 10)
				go func() {
					for {
						r := p.acknowledge()
						if r.line == "" {
							return
						}
						subscribed <- time.Now()
						c.end(p, r.ID)
					}
				}()
				// The first one, which openStateless acknowledged, has the id 2.
				begun := time.Now()
				c.end(p, json.RawMessage("2"))
				if !c.again {
					time.Sleep(time.Hour)
					if len(subscribed) != 0 {
						t.Error("it asked again")
					}
					return
				}
				for _, want := range []time.Duration{time.Second, 3 * time.Second, 7 * time.Second} {
					if got := (<-subscribed).Sub(begun); got != want {
						t.Errorf("it asked after %v of the bubble's time, want %v", got, want)
					}
					<-heard // What changed in between may have been missed.
				}
			})
		})
	}
}

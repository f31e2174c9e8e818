package servers_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

func TestOpenStdio_refusedRevision_isAskedForOneThatTheServerNames(t *testing.T) {
	const refused = `{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"Unsupported protocol version","data":{"supported":["2024-10-07","2024-11-05","2025-03-26"]}}}`
	for name, c := range map[string]struct {
		accepts bool
		want    string
	}{"which it then accepts": {true, ""}, "and never a third time": {false, "Unsupported protocol version (-32602)"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, pipes := newPeer(t)
				go func() {
					p.write(refused, p.read().ID)
					second := p.read()
					if !strings.Contains(string(second.Params), `"2025-03-26"`) || !c.accepts {
						p.write(refused, second.ID)
					} else {
						p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, second.ID, strings.Replace(goodInitialize, "2025-11-25", "2025-03-26", 1))
					}
					if m := p.read(); m.Method == "server/discover" {
						p.write(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"Method not found"}}`, m.ID)
						p.read()
					}
				}()
				s, err := servers.OpenStdio(soon(t), pipes, servers.Options{Era: endpoint.EraInitialize})
				if c.want != "" {
					if err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("got %v, want %s", err, c.want)
					}
					p.die()
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := s.Info().ProtocolVersion; got != "2025-03-26" {
					t.Errorf("got revision %s, want 2025-03-26", got)
				}
				s.Close(nil)
				<-s.Done()
			})
		})
	}
}

// A server that was slow to answer server/discover, and has done so well, is of the
// newer era: what it says to initialize after that changes nothing.
func TestOpenStdio_refusedRevisionAfterDiscover_isNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, pipes := newPeer(t)
		go func() {
			discover, initialize := p.read(), p.read()
			p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, discover.ID, goodDiscover)
			p.write(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"no","data":{"supported":["2025-03-26"]}}}`, initialize.ID)
			if m := p.read(); m.Method != "" {
				t.Errorf("the server was asked %s as well, want nothing more", m.Method)
			}
		}()
		s, err := servers.OpenStdio(soon(t), pipes, servers.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !s.Info().Stateless() {
			t.Errorf("got revision %s, want that of server/discover", s.Info().ProtocolVersion)
		}
		synctest.Wait() // All that is to be asked has been.
		s.Close(nil)
		<-s.Done()
	})
}

// A server that says nothing of what it has may have tools; one that says
// something would have said so.
func TestOpenStdio_whoDeclaresNothing_isAskedForTools(t *testing.T) {
	for capabilities, want := range map[string]bool{
		`{}`: true, `null`: true, `[]`: true, `"all"`: true, `{ }`: true, `{"tools":{}}`: true, `{"tools":true}`: true,
		`{"prompts":{}}`: false, `{"tools":null,"logging":{}}`: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			p, pipes := newPeer(t)
			go func() {
				p.write(`{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":%s}}`, p.read().ID, capabilities)
				p.read()
				if m := p.read(); m.Method == "tools/list" {
					p.write(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"Method not found"}}`, m.ID)
				}
			}()
			s, err := servers.OpenStdio(t.Context(), pipes, servers.Options{Era: endpoint.EraInitialize})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Info().Tools; got != want {
				t.Errorf("%s: got tools %v, want %v", capabilities, got, want)
			}
			if want && !strings.Contains(capabilities, "tools") {
				if tools, _, err := servers.ListTools(soon(t), s); err != nil || len(tools) != 0 {
					t.Errorf("%s: got %v %v, want no tools and no error", capabilities, tools, err)
				}
			}
			s.Close(nil)
			<-s.Done()
		})
	}
}

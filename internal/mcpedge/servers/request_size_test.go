package servers_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// ofSize is a call whose params have so many bytes.
func ofSize(n int) endpoint.Request {
	return tool(`{"arguments":` + sized(n-len(`{"arguments":}`)) + `}`)
}

// What counts is all that the server would be sent, the token and _meta that the
// wire adds included: a server's buffer for lines holds no more than that.
func TestRequest_theWholeLineCounts(t *testing.T) {
	s, p := open(t, servers.Options{})
	call(t.Context(), s, ofSize(1000))
	whole := int64(len(p.read().line))
	for _, c := range []struct {
		limit    int64
		progress func(json.RawMessage)
		passes   bool
	}{{whole, nil, true}, {whole - 1, nil, false}, {whole, func(json.RawMessage) {}, false}} {
		req := ofSize(1000)
		req.MaxBytes, req.Progress = c.limit, c.progress
		done := call(t.Context(), s, req)
		if c.passes {
			p.write(`{"jsonrpc":"2.0","id":%s,"result":1}`, p.read().ID)
			wantResult(t, await(t, done), `1`)
			continue
		}
		if large, ok := errors.AsType[*endpoint.RequestTooLarge](await(t, done).err); !ok || large.Limit != c.limit || large.Size <= c.limit {
			t.Errorf("a limit of %d: got %+v, want RequestTooLarge", c.limit, large)
		}
	}
}

func TestHTTPRequest_theWholeBodyCounts(t *testing.T) {
	for _, era := range []endpoint.Era{endpoint.EraInitialize, endpoint.EraStateless} {
		var whole int64
		o := newOdd(t, func(w http.ResponseWriter, r *http.Request, m request) {
			whole = r.ContentLength
			answer(w, m, `{"resultType":"complete"}`)
		})
		if era == endpoint.EraStateless {
			o.stateless = func(w http.ResponseWriter, _ *http.Request, m request) {
				answer(w, m, `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"serverInfo":{"name":"x","version":"1"}}`)
			}
		}
		s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: era})
		req := ofSize(1000)
		if _, err := s.Call(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		req.MaxBytes = whole
		if _, err := s.Call(t.Context(), req); err != nil {
			t.Errorf("era %v: got %v for a body as large as it may be", era, err)
		}
		req.MaxBytes = whole - 1
		sent := len(o.seen(http.MethodPost))
		_, err := s.Call(t.Context(), req)
		if large, ok := errors.AsType[*endpoint.RequestTooLarge](err); !ok || large.Size != whole || len(o.seen(http.MethodPost)) != sent {
			t.Errorf("era %v: got %v and %d requests, want RequestTooLarge of %d bytes and %d", era, err, len(o.seen(http.MethodPost)), whole, sent)
		}
	}
}

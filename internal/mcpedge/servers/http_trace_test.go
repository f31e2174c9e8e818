package servers_test

import (
	"net/http"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/tracecontext"
)

func TestHTTPCall_traceGoesIntoHeaders_andIntoThatRequestAlone(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	for _, era := range []endpoint.Era{endpoint.EraInitialize, endpoint.EraStateless} {
		o := newOfEra(t, era, func(w http.ResponseWriter, _ *http.Request, m request) { answer(w, m, `{}`) })
		s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Headers: map[string]string{"Baggage": "the=owner's"}})
		for _, trace := range []*tracecontext.Context{{Parent: parent, State: "a=1,b=2", Baggage: "c=3"}, nil} {
			req := tool(`{"name":"x"}`)
			req.Trace = trace
			if _, err := s.Call(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		posts := o.seen(http.MethodPost)
		calls := posts[len(posts)-2:]
		for i, want := range [][3]string{{parent, "a=1,b=2", "the=owner's"}, {"", "", "the=owner's"}} {
			h := calls[i].Header
			if got := [3]string{h.Get("traceparent"), h.Get("tracestate"), h.Get("baggage")}; got != want {
				t.Errorf("%v: call %d: got %q, want %q", era, i, got, want)
			}
		}
	}
}

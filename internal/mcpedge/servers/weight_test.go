package servers_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// filled is a text of about so many bytes: the format has one verb, for many
// times the part.
func filled(size int, format, part string) string {
	return fmt.Sprintf(format, strings.TrimSuffix(strings.Repeat(part, size/len(part)), ","))
}

// allocated returns how many bytes something allocates, live or not.
func allocated(do func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// wantWeight checks that something of that size took no more than so many times
// as much.
func wantWeight(t *testing.T, what string, size, took, most int) {
	t.Helper()
	if took > most*size+1<<20 {
		t.Errorf("%s: %d bytes took %d, %.1f times as much, want at most %d", what, size, took, float64(took)/float64(size), most)
	}
}

// A hostile server's lists take little more than their bytes. Decoded as they
// come some of these took ten times as much.
func TestWeight_ofAListOfTools_isLittleMoreThanItsSize(t *testing.T) {
	const size = 512 << 10
	for name, page := range map[string]string{
		"numbers":        filled(size, `{"tools":[%s]}`, `0,`),
		"objects":        filled(size, `{"tools":[%s]}`, `{},`),
		"the same names": filled(size, `{"tools":[%s]}`, `{"name":"a"},`),
		"a long name":    filled(size, `{"tools":[{"name":"%s"}]}`, `\u0000`),
		"a cursor":       filled(size, `{"tools":[{"name":"a"}],"nextCursor":"%s"}`, `\u0000`),
		"_meta":          filled(size, `{"tools":[{"name":"a","_meta":{%s}}]}`, `"\u0061":0,`),
		"a schema":       filled(size, `{"tools":[{"name":"a","inputSchema":{"enum":[%s]}}]}`, `0,`),
		"other members":  filled(size, `{"tools":[{"name":"a"}],"x":[%s]}`, `0,`),
	} {
		n := 0
		got := allocated(func() {
			_, _, _ = servers.ListTools(t.Context(), lister{page: func(string) (endpoint.Response, error) { // What it says is shown elsewhere.
				n++
				return endpoint.Response{Result: []byte(page)}, nil
			}})
		})
		wantWeight(t, name, n*len(page), got, 4)
	}
}

// What is left of a page that is large for something else is its tools.
func TestListTools_keepsNothingOfAPageButItsTools(t *testing.T) {
	page := []byte(filled(8<<20, `{"tools":[{"name":"a"}],"x":[%s]}`, `0,`))
	tools, _, err := servers.ListTools(t.Context(), lister{page: func(string) (endpoint.Response, error) {
		return endpoint.Response{Result: page}, nil
	}})
	if err != nil || len(tools) != 1 {
		t.Fatalf("got %d tools, %v; want 1", len(tools), err)
	}
	if got := cap(tools[0].Raw); got > 64 {
		t.Errorf("got a definition within %d bytes, want it in memory of its own", got)
	}
}

func TestWeight_ofWhatAServerSends_isLittleMoreThanItsSize(t *testing.T) {
	const size = 1 << 20
	for name, format := range map[string]string{
		"a result": filled(size, `{"jsonrpc":"2.0","id":%%[1]s,"result":{"content":[%s]}}`, `0,`),
		"an error": filled(size, `{"jsonrpc":"2.0","id":%%[1]s,"error":{"code":1,"message":"m","data":[%s]}}`, `[],`),
		"a batch":  filled(size, `[%s,{"jsonrpc":"2.0","id":%%[1]s,"result":1}]`, `{},`),
	} {
		o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, format, m.ID)
		})
		s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
		got := allocated(func() { _, _ = s.Call(t.Context(), tool(`{}`)) })
		wantWeight(t, name, size, got, 10) // The server of the test is in it too.
	}
}

func TestError_thatIsTooLarge_isPassedOnWithoutItsData(t *testing.T) {
	s, p := open(t, servers.Options{})
	for _, c := range []struct {
		name, failure, want string
	}{
		{"one that is not", `{"code":-1,"message":"m","data":` + sized(200<<10) + `}`, `{"code":-1,"message":"m","data":` + sized(200<<10) + `}`},
		{"much data", `{"data":` + sized(300<<10) + `,"message":"no","code":-32000}`, `{"code":-32000,"message":"no","data":"[an error of `},
		{"no code", `{"message":"no","data":` + sized(300<<10) + `}`, `{"code":0,"message":"no","data":"`},
		{"a long message", `{"code":1,"message":` + sized(300<<10) + `}`, `{"code":1,"message":"xxx`},
	} {
		done := call(t.Context(), s, tool(`{}`))
		p.write(`{"jsonrpc":"2.0","id":%s,"error":%s}`, p.read().ID, c.failure)
		if o := await(t, done); o.err != nil || !strings.HasPrefix(string(o.res.Error), c.want) || len(o.res.Error) > 256<<10 {
			t.Errorf("%s: got %d bytes, %.100s, %v; want %.100s", c.name, len(o.res.Error), o.res.Error, o.err, c.want)
		}
	}
}

//go:build unix

package wire_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// grower makes JSON that is as odd as it may be, out of choices: random
// numbers, or the bytes of a fuzzer. It is always valid.
type grower struct {
	b      strings.Builder
	choose func(n int) int // one of 0 to n-1; 0 for ever when it has no more
	left   int             // values that may still begin
}

// random makes a grower of a seed.
func random(seed uint64) *grower {
	r := rand.New(rand.NewPCG(seed, 0))
	return &grower{choose: r.IntN, left: 200}
}

// fromBytes makes a grower that follows a fuzzer.
func fromBytes(data []byte) *grower {
	return &grower{left: 200, choose: func(n int) int {
		if len(data) == 0 {
			return 0
		}
		c := int(data[0])
		data = data[1:]
		return c % n
	}}
}

func (g *grower) write(parts ...string) {
	for _, p := range parts {
		g.b.WriteString(p)
	}
}

func pickOf[T any](g *grower, list []T) T { return list[g.choose(len(list))] }

var spaces = []string{"", "", "", "", " ", "\n", "\t", "\r\n", "  \n "}

func (g *grower) space() { g.write(pickOf(g, spaces)) }

var scalars = []string{
	"null", "true", "false", `""`, "0", "-0", "1.0", "1.50", "-0.0", "1e400", "-1E-400", "1E+2", "0.1", "9007199254740993",
	"-9007199254740993", "18446744073709551616", "123456789012345678901234567890", "3.141592653589793238462643383279",
}

// pieces make strings.
var pieces = []string{
	"a", "text", " ", "é", "😀", "\u2028", "\ufeff", "\u0085", "\u007f", "<", ">", "&", "'", "{", "}", "[", "]", ",", ":",
	`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u003c`, `\u0026`, `\u2028`, `\u00e9`, `\uD83D\uDE00`, `\ud800`, `\udfff`,
}

// names are keys that mean something somewhere.
var names = []string{
	"_meta", "content", "structuredContent", "isError", "type", "text", "id", "jsonrpc", "result", "error", "method", "params",
	"name", "arguments", "args", "server", "tool", "progressToken", "io.example/call_id", "__proto__", "",
}

func (g *grower) string() {
	g.write(`"`)
	for range g.choose(6) {
		g.write(pickOf(g, pieces))
	}
	g.write(`"`)
}

func (g *grower) key() {
	if g.choose(3) == 0 {
		g.write(`"`, pickOf(g, names), `"`)
		return
	}
	g.string()
}

// value writes any value.
func (g *grower) value(depth int) {
	g.left--
	kind := g.choose(8)
	if depth <= 0 || g.left <= 0 {
		kind = min(kind, 3)
	}
	switch {
	case kind < 2:
		g.write(pickOf(g, scalars))
	case kind < 4:
		g.string()
	case kind < 6:
		g.object(depth)
	default:
		g.array(depth)
	}
}

func (g *grower) object(depth int) {
	g.list("{", "}", g.choose(5), func(int) { g.key(); g.colon(); g.value(depth - 1) })
}

func (g *grower) array(depth int) {
	g.list("[", "]", g.choose(5), func(int) { g.value(depth - 1) })
}

func (g *grower) list(open, end string, n int, item func(i int)) {
	g.write(open)
	g.space()
	for i := range n {
		if i > 0 {
			g.space()
			g.write(",")
			g.space()
		}
		item(i)
	}
	g.space()
	g.write(end)
}

func (g *grower) colon() {
	g.space()
	g.write(":")
	g.space()
}

// result writes a tool result: members that MCP knows, some of them, once
// each, with values of the types that it knows; beside them anything.
func (g *grower) result() string {
	members := []func(){
		func() { g.write(`"content"`); g.colon(); g.array(4) },
		func() { g.write(`"structuredContent"`); g.colon(); g.value(6) },
		func() { g.write(`"isError"`); g.colon(); g.write(pickOf(g, []string{"true", "false"})) },
		func() { g.write(`"_meta"`); g.colon(); g.object(4) },
		func() { g.write(`"resultType"`); g.colon(); g.write(`"complete"`) },
		func() { g.write(`"x-vendor`, pickOf(g, pieces), `"`); g.colon(); g.value(4) },
		func() { g.write(`"x`, pickOf(g, pieces), `"`); g.colon(); g.value(2) },
	}
	for i := range members { // In any order.
		j := i + g.choose(len(members)-i)
		members[i], members[j] = members[j], members[i]
	}
	g.list("{", "}", g.choose(len(members)+1), func(i int) { members[i]() })
	return g.b.String()
}

// arguments writes any object.
func (g *grower) arguments() string {
	g.object(6)
	return g.b.String()
}

// definition writes a tool definition: a name and anything beside it.
func (g *grower) definition(name string) string {
	members := []func(){
		func() { g.write(`"name"`); g.colon(); g.write(`"`, name, `"`) },
		func() { g.write(`"inputSchema"`); g.colon(); g.value(5) },
		func() { g.write(`"outputSchema"`); g.colon(); g.value(5) },
		func() { g.write(`"description"`); g.colon(); g.string() },
		func() { g.write(`"x`, pickOf(g, pieces), `"`); g.colon(); g.value(3) },
	}
	first := g.choose(len(members))
	g.list("{", "}", len(members), func(i int) { members[(first+i)%len(members)]() })
	return g.b.String()
}

func TestGrower_growsValidJSON(t *testing.T) {
	for seed := range uint64(2000) {
		for _, v := range []string{random(seed).result(), random(seed).arguments(), random(seed).definition("n")} {
			if !json.Valid([]byte(v)) {
				t.Fatalf("seed %d: not JSON: %s", seed, v)
			}
		}
	}
}

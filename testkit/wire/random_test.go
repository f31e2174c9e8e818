//go:build unix

package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"unicode/utf8"
)

// values is how many random results and arguments one run sends, each on one
// path in turn.
const values = 400

// seed is a new one for each run, unless GATEHOUSE_WIRE_SEED names an earlier
// one.
func seed(t testing.TB) uint64 {
	t.Helper()
	n := rand.Uint64()
	if s := os.Getenv("GATEHOUSE_WIRE_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("GATEHOUSE_WIRE_SEED=%d runs this again", n)
	return n
}

func TestLossless_randomResultsAndArguments(t *testing.T) {
	h := open(t)
	paths, first := h.paths(), seed(t)
	for i := range uint64(values) {
		p := paths[i%uint64(len(paths))]
		result, args := random(first+i).result(), random(first+i).arguments()
		if err := p.arrives(t.Context(), result, ""); err != nil {
			blame(t, err, "%s, value %d, result %s", p, i, result)
		}
		if err := p.reaches(t.Context(), `"args":`+args, args); err != nil {
			blame(t, err, "%s, value %d, arguments %s", p, i, args)
		}
	}
}

func TestLossless_randomDefinitions(t *testing.T) {
	var tools []string
	first := seed(t)
	for i := range uint64(60) {
		tools = append(tools, random(first+i).definition(fmt.Sprintf("tool_%d", i)))
	}
	areListed(t, tools)
}

// FuzzLossless sends what a fuzzer comes up with in both directions: an object
// as it is, anything else as the choices of a grower. The first byte says on
// which path.
func FuzzLossless(f *testing.F) {
	for i, c := range cases(f, "results.txt") {
		f.Add(append([]byte{byte(i)}, c.json...))
	}
	for i := range uint64(16) {
		r := rand.New(rand.NewPCG(i, 1))
		data := make([]byte, 120)
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		f.Add(data)
	}
	h := open(f)
	paths := h.paths()
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		p, data := paths[int(data[0])%len(paths)], data[1:]
		result, args := fromBytes(data).result(), fromBytes(data).arguments()
		if passes(data) {
			result, args = string(data), string(data)
		}
		if err := p.arrives(t.Context(), result, ""); err != nil {
			blame(t, err, "%s, result %s", p, result)
		}
		if err := p.reaches(t.Context(), `"args":`+args, args); err != nil {
			blame(t, err, "%s, arguments %s", p, args)
		}
	})
}

// passes reports whether these bytes are an object that the gateway owes it to
// pass unchanged, or to refuse as arguments: bytes that are not UTF-8 are replaced,
// members that only the gateway may set are taken out at any depth, and a result
// that asks for input is nothing that these callers can be given.
func passes(data []byte) bool {
	if _, err := members(data); err != nil || !json.Valid(data) || !utf8.Valid(data) || namesGateway(data) {
		return false
	}
	kind := pick(data, "resultType")
	return kind == nil || string(kind) == `"complete"`
}

// namesGateway reports whether something in a JSON value may be a member that only
// the gateway may set, however it is spelled.
func namesGateway(data []byte) bool {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return false
	}
	plain, err := json.Marshal(value)
	return err == nil && bytes.Contains(bytes.ToLower(plain), []byte("io.gatehouse/"))
}

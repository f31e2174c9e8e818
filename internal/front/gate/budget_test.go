package gate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// big is a definition of about that many bytes.
func big(name, description string, size int) string {
	return fmt.Sprintf(`{"name":%q,"description":%q,"inputSchema":{"type":"object","properties":{"path":{"type":"string","description":"Where. More."},`+
		`"filter":{"type":["object","null"],"description":"What to keep. And so on.","oneOf":[%q]}},"required":["path"],"x":1}}`,
		name, description, strings.Repeat("x", size))
}

// Without a budget an answer stays readable, however much a server says of its
// tools.
func TestGetServerTools_withoutABudget(t *testing.T) {
	many := func(n, size int) (list []string) {
		for i := range n {
			list = append(list, big(fmt.Sprintf("tool_%04d", i), fmt.Sprintf("Does the thing number %d. In great detail.", i), size))
		}
		return list
	}
	for _, c := range []struct {
		name     string
		tools    []string
		returned int
		omitted  int // by name
		more     int
		about    bool // the first sentence is there
	}{
		{"a small list comes whole", many(29, 500), 29, 0, 0, false},
		{"of a large one as many as fit", many(29, 3000), 9, 20, 0, true},
		{"names are better than sentences", many(300, 3000), 9, 291, 0, false},
		{"and their number is limited", many(2000, 3000), 9, 666, 1325, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(t, allowAll, up("db", testkit.Hangs).Has(c.tools...))
			got := g.call("get_server_tools", `{"agent_id":"a","server":"db"}`)
			var a struct {
				toolsAnswer
				OmittedMore int `json:"omitted_more"`
			}
			if err := json.Unmarshal(got.Structured, &a); err != nil {
				t.Fatal(err)
			}
			if a.Returned != c.returned || len(a.Omitted) != c.omitted || a.OmittedMore != c.more || a.TokensUsed > 8000 {
				t.Errorf("got %d returned, %d omitted by name and %d more for %d tokens; want %d, %d and %d for at most 8000",
					a.Returned, len(a.Omitted), a.OmittedMore, a.TokensUsed, c.returned, c.omitted, c.more)
			}
			if c.omitted > 0 {
				want := fmt.Sprintf("tool_%04d", c.returned)
				if c.about {
					want += fmt.Sprintf(": Does the thing number %d.", c.returned)
				}
				if a.Omitted[0] != want {
					t.Errorf("got %q, want %q", a.Omitted[0], want)
				}
			}
			if size := len(got.Structured); size > 50_000 {
				t.Errorf("the answer has %d bytes, want at most 50000", size)
			}
		})
	}
}

func TestGetServerTools_aDefinitionThatIsTooLarge_isCutAndMarked(t *testing.T) {
	g := newGate(t, allowAll, up("db", testkit.Hangs).Has(big("huge", "Finds it. "+strings.Repeat("More. ", 1000), 600<<10), "small"))
	got := g.call("get_server_tools", `{"agent_id":"a","server":"db"}`)
	var a struct {
		toolsAnswer
		Cut []string
	}
	if err := json.Unmarshal(got.Structured, &a); err != nil {
		t.Fatal(err)
	}
	if a.Returned != 2 || len(a.Cut) != 1 || a.Cut[0] != "huge" || len(got.raw) > 20_000 {
		t.Fatalf("got %d tools, cut %q, %d bytes; want 2, huge, at most 20000", a.Returned, a.Cut, len(got.raw))
	}
	var def struct {
		Name, Description string
		InputSchema       json.RawMessage
		Meta              map[string]string `json:"_meta"`
	}
	if err := json.Unmarshal(a.Tools[0], &def); err != nil {
		t.Fatal(err)
	}
	want := `{"type":"object","properties":{"path":{"type":"string","description":"Where. More."},"filter":{"type":["object","null"],"description":"What to keep."}},"required":["path"]}`
	if def.Name != "huge" || !strings.HasPrefix(def.Description, "Finds it. More.") || string(def.InputSchema) != want {
		t.Errorf("got %s\nwant the name, the description and %s", a.Tools[0], want)
	}
	if mark := def.Meta["io.gatehouse/cut"]; !strings.Contains(mark, "max_schema_tokens") {
		t.Errorf("got the mark %q, want one that says how to get the whole", mark)
	}
	if a := g.tools(`,"names":"huge","max_schema_tokens":2000000`); len(a.Tools[0]) < 600<<10 {
		t.Errorf("with a budget for it: got %d bytes, want all of it", len(a.Tools[0]))
	}
}

// Whatever a server calls a schema, what is left of it is JSON.
func TestGetServerTools_aDefinitionThatIsTooLargeAndOdd(t *testing.T) {
	pad := `"pad":"` + strings.Repeat("x", 64<<10) + `"`
	for _, odd := range []string{
		`{"name":"x",` + pad + `}`,
		`{"name":"x","description":7,"inputSchema":true,` + pad + `}`,
		`{"name":"x","inputSchema":{"properties":[1],"required":"no"},` + pad + `}`,
		`{"name":"x","inputSchema":{"properties":{"a\"b":{` + pad + `},"c":null}}}`,
	} {
		a := newGate(t, allowAll, up("db", testkit.Hangs).Has(odd)).tools("")
		if len(a.Tools) != 1 || len(a.Tools[0]) > 1000 || !json.Valid(a.Tools[0]) {
			t.Errorf("%.60s: got %.200s, want one short definition", odd, a.Tools)
		}
	}
}

package rulesfile_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tailscale/hujson"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/rulesfile"
)

// rulesSchema is the schema that editors use.
func rulesSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", "rules.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rules.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// beyondSchemas are codes of errors that no schema can show.
var beyondSchemas = []string{
	"duplicate-key", "rules-bad-jwt", "rules-bad-token-expires", "rules-bad-token-hash", "rules-duplicate-role", "rules-duplicate-token", "rules-role-cycle", "rules-unknown-role",
	"rules-bad-instructions",
}

// What the schema refuses is an error, and an error is refused as far as a schema
// can.
func TestSchema_agreesWithTheParser(t *testing.T) {
	schema := rulesSchema(t)
	check := func(name string, src []byte) {
		plain, err := hujson.Standardize(bytes.TrimPrefix(bytes.Clone(src), []byte("\ufeff")))
		if err != nil {
			return // No schema sees it.
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
		if err != nil {
			return
		}
		_, problems := rulesfile.ParseRules("r.json", src)
		refused := schema.Validate(value)
		if refused != nil && !jsondoc.HasErrors(problems) {
			t.Errorf("%s: the schema says %v, and the parser nothing; want both to agree", name, refused)
		}
		shown := slices.ContainsFunc(problems, func(p jsondoc.Problem) bool {
			return p.Severity == jsondoc.Error && !slices.Contains(beyondSchemas, p.Code)
		})
		if refused == nil && shown {
			t.Errorf("%s: the schema accepts it, the parser says %v; want both to agree", name, problems)
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*.json"))
	if err != nil || len(files) < 50 {
		t.Fatalf("got %d files, %v; want the 50 and more that there are", len(files), err)
	}
	for _, file := range files {
		if filepath.Base(filepath.Dir(file)) == "policytests-bad" {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		check(file, src)
	}
	check("the template", rulesfile.Template(""))
	check("roles", []byte(roleRules))
	check("all limits", []byte(`{"$schema": "x", "agents": {"a": {"limits": {"calls_per_minute": 1, "burst": 1000000, "concurrent": null, "result_bytes_per_hour": 1125899906842624,
	  "per_tool": {"d*": {"*": null, "q": {"concurrent": 100000}}}}}, "b": {"limits": null}, "c": {"limits": {"per_tool": null}}}}`))
	for _, pattern := range []string{
		"@readOnly", "!@openWorld", "@readonly", "!@", "@", "!", "@a-b", "@readOnly*", "@x/y", "!x", "!!@readOnly", "https://[::1]/?a", "", "*",
	} {
		for _, where := range []string{
			`"allow": {"tools": {"s": [%s]}}`, `"deny": {"tools": {"s": [%s]}}`, `"deny": {"resources": {"s": [%s]}}`, `"deny": {"prompts": {"s": [%s]}}`,
			`"expose": {"s": [%s]}`, `"allow": {"servers": [%s]}`, `"limits": {"per_tool": {"s": {%s: null}}}`,
		} {
			one := fmt.Sprintf(where, strconv.Quote(pattern))
			check(one, []byte(`{"agents": {"a": {`+one+`}}, "roles": {"r": {`+one+`}}}`))
		}
	}
	c := chance{rand.New(rand.NewPCG(1, 2))}
	for range 50 {
		roles := map[string]written{"r": c.written(nil)}
		check("random", []byte(asJSON(t, map[string]any{"agents": map[string]any{"x": c.written([]string{"r"})}, "roles": roles})))
	}
}

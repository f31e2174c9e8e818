package find_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"gatehouse/internal/find"
)

func TestDefinition_readsWhatIsSearched(t *testing.T) {
	got := find.Definition(json.RawMessage(`{"name":"n","title":"T","description":"D \u00e9","inputSchema":{"properties":{"b":{"description":"B"},"a":{"type":"string"}}}}`))
	want := find.Tool{Name: "n", Title: "T", Description: "D é", Params: []find.Param{{Name: "b", Description: "B"}, {Name: "a"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, odd := range []string{`{}`, `{"name":7,"description":[],"inputSchema":[]}`, `{"inputSchema":{"properties":[1]}}`, `null`} {
		if got := find.Definition(json.RawMessage(odd)); !reflect.DeepEqual(got, find.Tool{}) {
			t.Errorf("%s: got %+v, want nothing", odd, got)
		}
	}
}

func TestDefinition_longTexts_areCut(t *testing.T) {
	raw, _ := json.Marshal(map[string]string{"name": "n", "description": strings.Repeat("word ", 1<<20)})
	if got := len(find.Definition(raw).Description); got > 16<<10 {
		t.Errorf("got %d bytes of description, want at most 16384", got)
	}
}

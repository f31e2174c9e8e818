package vars_test

import (
	"strings"
	"testing"

	"gatehouse/internal/vars"
)

// FuzzSegments takes any text apart: nothing is lost, and a text without
// variables is one literal.
func FuzzSegments(f *testing.F) {
	f.Add("${A:-${B}} $${C} ${")
	f.Add("${file:/run/secrets/x}")
	f.Add("$$$${}")
	f.Fuzz(func(t *testing.T, text string) {
		var again strings.Builder
		for _, s := range vars.Segments(text) {
			if !s.Variable {
				again.WriteString(strings.ReplaceAll(s.Text, "${", "$${"))
				continue
			}
			if _, reason := vars.ParseVariable(s); reason == "" && strings.Contains(s.Text, "}") {
				t.Errorf("%q: the variable %q goes beyond its brace, want it to end there", text, s.Text)
			}
			again.WriteString("${" + s.Text + "}")
		}
		if got := again.String(); got != text && got != text+"}" { // A last brace may be missing.
			t.Errorf("put together again: got %q, want %q", got, text)
		}
	})
}

package jsondoc_test

import (
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// However many problems there are, a file's list stays short, and errors are
// never cut in favour of warnings.
func TestReport_tooManyProblems_areCutAndCounted(t *testing.T) {
	r := jsondoc.NewReport("f.json")
	for range 5000 {
		r.Add(policy.Position{Line: 1, Column: 1}, jsondoc.Warning, "", "w", "", "a doubt")
	}
	r.Add(policy.Position{Line: 2, Column: 1}, jsondoc.Error, "", "e", "", "a mistake")
	got := r.Finish()
	if !jsondoc.HasErrors(got) || len(got) > 1000 {
		t.Errorf("got %d problems, errors among them: %v; want at most 1000 and the error", len(got), jsondoc.HasErrors(got))
	}
	if last := got[len(got)-1]; last.Code != "too-many-problems" || last.Severity != jsondoc.Warning {
		t.Errorf("got the last problem %+v, want a warning %s", last, "too-many-problems")
	}
}

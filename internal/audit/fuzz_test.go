package audit_test

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/audit"
)

// FuzzVerify reads any file for an audit log: it counts its lines, and what is
// no line of a log is a finding.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"v":1,"instance":"i","seq":1,"event":"start"}` + "\n"))
	f.Add([]byte("\n\n{\"v\":1"))
	f.Add([]byte(`{"v":1,"seq":18446744073709551615,"instance":"i","decision":"ALLOW","policy_hash":"hash"}` + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		found := 0
		v := audit.NewVerifier(map[string]audit.Decide{"hash": onlyRead}, false, func(fi audit.Finding) {
			found++
			if fi.Line < 1 || fi.Message == "" || fi.File != path {
				t.Errorf("got %+v, want a line of %s and a message", fi, path)
			}
		})
		if err := v.VerifyFiles([]string{path}); err != nil {
			t.Fatal(err)
		}
		if s := v.Summary(); s.Findings != found || s.Lines > 0 && s.Instances == 0 && found == 0 {
			t.Errorf("got %+v with %d findings, want each counted, and one for lines of nobody", s, found)
		}
	})
}

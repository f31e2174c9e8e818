package serversfile_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

// What docs/CONFIG.md shows as a servers file must be one.
func TestDocs_examplesOfConfigPage_areValid(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "CONFIG.md"))
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	if len(examples) == 0 {
		t.Fatal("found no example")
	}
	for _, example := range examples {
		if s, problems := serversfile.Parse("CONFIG.md", example[1]); len(problems) > 0 || len(s.Entries) == 0 {
			t.Errorf("%s\n%s\nwant entries without a problem", example[1], problemtest.Text(problems))
		}
	}
}

package trust_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/internal/trust"
)

// dir is an absolute folder that need not exist.
var dir, _ = filepath.Abs(filepath.FromSlash("/home/ann/project"))

func in(below string) string { return filepath.Join(dir, filepath.FromSlash(below)) }

var day = time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)

func files(servers, rules string) []trust.File {
	return []trust.File{{Role: trust.Servers, Path: in(".mcp.json"), SHA256: servers}, {Role: trust.Rules, Path: in("rules.json"), SHA256: rules}}
}

func approved(t *testing.T, files []trust.File) trust.Record {
	t.Helper()
	r, err := trust.Record{}.With(trust.Project{Dir: dir, Approved: day, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCompare_onlyTheApprovedBytesAtTheApprovedPlace(t *testing.T) {
	r := approved(t, files("aa", "bb"))
	moved := files("aa", "bb")
	moved[1].Path = in("elsewhere.json")
	swapped := files("aa", "bb")
	swapped[0].Role, swapped[1].Role = swapped[1].Role, swapped[0].Role
	for name, c := range map[string]struct {
		dir  string
		now  []trust.File
		want trust.State
	}{
		"unchanged":                       {dir, files("aa", "bb"), trust.Approved},
		"other servers":                   {dir, files("ac", "bb"), trust.Changed},
		"other rules":                     {dir, files("aa", "bc"), trust.Changed},
		"a file that cannot be read":      {dir, files("", "bb"), trust.Changed},
		"a file that has gone":            {dir, files("aa", "bb")[:1], trust.Changed},
		"the same bytes at another path":  {dir, moved, trust.Changed},
		"rules that were servers":         {dir, swapped, trust.Changed},
		"the same files in another place": {in("sub"), files("aa", "bb"), trust.New},
		"another spelling of the folder":  {strings.ToUpper(dir), files("aa", "bb"), trust.New},
		"nothing there":                   {dir, nil, trust.Changed},
	} {
		if got, _ := r.Compare(c.dir, c.now); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	if got, _ := approved(t, files("", "")).Compare(dir, files("", "")); got != trust.Changed {
		t.Errorf("files without content: got %s, want %s", got, trust.Changed)
	}
}

func TestProject_governsWhatIsInsideAndWhatWasApproved(t *testing.T) {
	p, _ := approved(t, append(files("aa", "bb"), trust.File{Role: trust.Named, Path: in("../link/.env"), SHA256: "cc"})).Project(dir)
	for path, want := range map[string]bool{
		in(".env"): true, in("a/b"): true, in("x/../../project/.env"): true, in("../link/.env"): true,
		in("../other/.env"): false, in("../project2/.env"): false, in(".."): false, in("../.env"): false, in("..env"): true,
	} {
		if got := p.Governs(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	for _, c := range []struct {
		path, hash string
		want       bool
	}{
		{in("../link/.env"), "cc", true},
		{in("../link/.env"), "cd", false},
		{in("../link/.env"), "", false},
		{in(".env"), "cc", false},
		{in(".mcp.json"), "aa", false},
	} {
		if got := p.Approves(c.path, c.hash); got != c.want {
			t.Errorf("%s as %q: got %v, want %v", c.path, c.hash, got, c.want)
		}
	}
}

func TestProject_hash_isThatOfTheRole(t *testing.T) {
	p := trust.Project{Files: []trust.File{{Role: trust.Rules, SHA256: "r"}, {Role: trust.Servers, SHA256: "s"}}}
	for role, want := range map[trust.Role]string{trust.Rules: "r", trust.Servers: "s", trust.Named: ""} {
		if got := p.Hash(role); got != want {
			t.Errorf("%s: got %q, want %q", role, got, want)
		}
	}
}

func TestRecord_isReadAsItWasWritten(t *testing.T) {
	r := approved(t, files("aa", "bb"))
	got, err := trust.Parse(r.Encode())
	if err != nil || cmp.Diff(r, got) != "" {
		t.Errorf("got %v, want none; difference (-want +got): %s", err, cmp.Diff(r, got))
	}
	if got, err := trust.Parse(trust.Record{}.Encode()); err != nil || len(got.Projects) != 0 {
		t.Errorf("an empty one: got %v, %v, want an empty one", got, err)
	}
	for _, bad := range []string{
		"", "{", "[]", `{"version":2,"projects":[]}`, `{"projects":[]}`, `{"version":1,"projects":[{"dir":"relative"}]}`,
		`{"version":1,"VERSION":1,"projects":[]}`, `{"version":1,"projects":[],"Projects":[]}`, `{"version":1,"projects":[]}{}`, "\x00",
	} {
		if got, err := trust.Parse([]byte(bad)); err == nil || len(got.Projects) > 0 {
			t.Errorf("%q: got %v, %v, want an error and nothing approved", bad, got, err)
		}
	}
}

func TestRecord_hasOneEntryPerFolderAndALimit(t *testing.T) {
	r := approved(t, files("aa", "bb"))
	r, _ = r.With(trust.Project{Dir: dir, Approved: day.Add(time.Hour), Files: files("ab", "bb")})
	if len(r.Projects) != 1 {
		t.Fatalf("approved again: got %d entries, want 1", len(r.Projects))
	}
	if got, _ := r.Compare(dir, files("aa", "bb")); got != trust.Changed {
		t.Errorf("the content before: got %s, want %s", got, trust.Changed)
	}
	if got, _ := r.Without(dir).Compare(dir, files("ab", "bb")); got != trust.New {
		t.Errorf("revoked: got %s, want %s", got, trust.New)
	}
	for i := range 1000 {
		r, _ = r.With(trust.Project{Dir: in(fmt.Sprint(i)), Approved: day.Add(time.Duration(i+2) * time.Hour)})
	}
	if _, known := r.Project(dir); known || len(r.Projects) != 1000 {
		t.Errorf("got %d projects, the oldest among them: %v; want 1000 without it", len(r.Projects), known)
	}
	if _, err := r.With(trust.Project{Dir: dir, Files: make([]trust.File, 1001)}); err == nil {
		t.Error("a project of 1001 files: got no error, want one")
	}
}

func TestCommand_isQuotedForAShell(t *testing.T) {
	for dir, want := range map[string]string{
		"/home/ann/project":  "gatehouse trust /home/ann/project",
		"/home/ann/my files": "gatehouse trust '/home/ann/my files'",
		"/tmp/a'b$(id)":      `gatehouse trust '/tmp/a'\''b$(id)'`,
	} {
		if got := trust.Command(dir); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"version":1,"projects":[]}`, `{"version":1,"projects":[{"dir":"/p","approved":"2026-11-28T00:00:00Z","files":[{"role":"servers","path":"/p/.mcp.json","sha256":"aa"}]}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		r, err := trust.Parse(src)
		if err != nil {
			if len(r.Projects) > 0 {
				t.Errorf("got %d projects of a record with an error, want none", len(r.Projects))
			}
			return
		}
		again, err := trust.Parse(r.Encode())
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("read, written and read again: got the error %v, want none; difference: %s", err, diff)
		}
	})
}

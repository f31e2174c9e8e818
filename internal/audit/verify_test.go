package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/audit"
)

// onlyRead is a set of rules: everybody may use the tool "read" of "db".
func onlyRead(r *audit.Record) (allow bool, step, rule string) {
	switch {
	case r.Server == "db" && r.Tool == "read":
		return true, "tool_allowed_exact", "rule-1"
	case r.Resource == "file:///a":
		return true, "resource_allowed_exact", "rule-2"
	}
	return false, "tool_not_allowed", ""
}

// call is a record of a call as onlyRead decides it.
func callRecord(id, tool string) audit.Record {
	r := audit.Record{CallID: id, AgentID: "a", Operation: "execute_tool", Server: "db", Tool: tool, PolicyHash: "hash", Outcome: "ok", Decision: audit.Deny}
	allow, step, rule := onlyRead(&r)
	if r.Step, r.Rule = step, rule; allow {
		r.Decision = audit.Allow
	}
	return r
}

// goodLog writes a log without faults: a start line, ten calls, a stop line.
func goodLog(t *testing.T, instance string) []string {
	t.Helper()
	d := newDisk(t)
	l := d.open(t, audit.Options{Instance: instance})
	for i := range 10 {
		tool := "read"
		if i%3 == 0 {
			tool = "write"
		}
		l.Append(callRecord(strconv.Itoa(i), tool))
	}
	closeLog(t, l)
	return slices.Collect(strings.Lines(d.content(t)))
}

// verify returns the findings in files with these lines, as "file:line kind".
func verify(t *testing.T, dropped bool, files ...[]string) (findings []string, v *audit.Verifier) {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, lines := range files {
		path := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	v = audit.NewVerifier(map[string]audit.Decide{"hash": onlyRead}, dropped, func(f audit.Finding) {
		t.Logf("%s:%d: %s: %s", filepath.Base(f.File), f.Line, f.Kind, f.Message)
		findings = append(findings, fmt.Sprintf("%s:%d %s", filepath.Base(f.File), f.Line, f.Kind))
	})
	if err := v.VerifyFiles(paths); err != nil {
		t.Fatal(err)
	}
	return findings, v
}

func TestVerify_log_findsWhatWasChanged(t *testing.T) {
	good := goodLog(t, "one")
	with := func(i int, old, replacement string) []string {
		lines := slices.Clone(good)
		if !strings.Contains(lines[i], old) {
			t.Fatalf("line %d lacks %s", i, old)
		}
		lines[i] = strings.Replace(lines[i], old, replacement, 1)
		return lines
	}
	without := func(from, to int) []string { return slices.Delete(slices.Clone(good), from, to) }
	long := callRecord("long", strings.Repeat("x", 4000))
	read := audit.Record{CallID: "read", AgentID: "a", Operation: "resources/read", Server: "db", Resource: "file:///a", PolicyHash: "hash", Outcome: "ok", Decision: audit.Allow, Step: "resource_allowed_exact", Rule: "rule-2"}
	climbed, longRead := read, read
	climbed.Resource, longRead.Resource = "file:///b", "file:///"+strings.Repeat("x", 400)
	withPassword := read
	withPassword.Resource = "db://u:s3cret@h/x"
	unasked := read
	unasked.Step, unasked.Rule, unasked.Server = "", "", ""
	cases := map[string]struct {
		lines []string
		want  []string
	}{
		"a resource":                         {encoded(t, read), nil},
		"another resource":                   {encoded(t, climbed), []string{"0:2 decision"}},
		"a URI that was too long to decide":  {encoded(t, longRead), nil},
		"a URI with a password":              {encoded(t, withPassword), nil},
		"a resource that nobody decided":     {encoded(t, unasked), []string{"0:2 decision"}},
		"nothing":                            {good, nil},
		"a denial made an allow":             {with(1, `"DENY"`, `"ALLOW"`), []string{"0:2 decision"}},
		"an allow made an error":             {with(2, `"ALLOW"`, `"ERROR"`), []string{"0:3 decision"}},
		"another tool":                       {with(2, `"tool":"read"`, `"tool":"write"`), []string{"0:3 decision"}},
		"another step":                       {with(2, `tool_allowed_exact`, `implicit_grant`), []string{"0:3 decision"}},
		"another rule":                       {with(2, `rule-1`, `rule-2`), []string{"0:3 decision"}},
		"no step":                            {with(2, `"step":"tool_allowed_exact",`, ``), []string{"0:3 decision"}},
		"an unknown decision":                {with(2, `"ALLOW"`, `"MAYBE\u001b[31m"`), []string{"0:3 decision"}},
		"decided by other rules":             {with(2, `"hash"`, `"other"`), []string{"0:4 chain"}},
		"a line taken out":                   {without(4, 5), []string{"0:5 gap"}},
		"the first lines taken out":          {without(0, 3), []string{"0:1 gap"}},
		"the start line taken out":           {without(0, 1), []string{"0:1 gap"}},
		"the last lines taken out":           {without(8, 12), nil}, // a note
		"a line twice":                       {slices.Insert(slices.Clone(good), 4, good[4]), []string{"0:6 repeated"}},
		"two lines exchanged":                {slices.Concat(good[:4], good[5:6], good[4:5], good[6:]), []string{"0:5 gap", "0:6 repeated"}},
		"a line after the end":               {slices.Concat(good, []string{strings.Replace(good[3], `"seq":4`, `"seq":13`, 1)}), []string{"0:13 repeated"}},
		"the last line cut":                  {with(11, "\n", ""), []string{"0:12 truncated"}},
		"the last line cut in the middle":    {append(slices.Clone(good[:11]), good[11][:20]), []string{"0:12 truncated"}},
		"a line cut in the middle":           {with(4, `"instance"`, "\n"+`"instance"`), []string{"0:5 unreadable", "0:6 unreadable", "0:7 gap"}},
		"a line that is no object":           {slices.Insert(slices.Clone(good), 4, "null\n"), []string{"0:5 unreadable"}},
		"two objects in a line":              {with(4, "}\n", "}{}\n"), []string{"0:5 unreadable", "0:6 gap"}},
		"an endless line":                    {slices.Insert(slices.Clone(good), 4, strings.Repeat("x", 3<<20)+"\n"), []string{"0:5 unreadable"}},
		"a line of another version":          {with(4, `"v":1`, `"v":2`), []string{"0:5 unreadable", "0:6 gap"}},
		"an unknown event":                   {with(4, `"call_id"`, `"event":"x","call_id"`), []string{"0:5 unreadable"}},
		"a loss that the gateway tells of":   {append(slices.Clone(good[:11]), `{"v":1,"event":"lost","instance":"one","seq":12,"lost":7}`+"\n"), []string{"0:12 chain", "0:12 loss"}},
		"a name that was too long to decide": {encoded(t, long), nil},
		"an empty line":                      {slices.Insert(slices.Clone(good), 4, "\n"), nil},
		"an empty file":                      {nil, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, _ := verify(t, false, tc.lines)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// encoded is a log of one record.
func encoded(t *testing.T, r audit.Record) []string {
	t.Helper()
	d := newDisk(t)
	l := d.open(t, audit.Options{Instance: "one"})
	l.Append(r)
	closeLog(t, l)
	return slices.Collect(strings.Lines(d.content(t)))
}

func TestVerify_counts_tellWhatWasLookedAt(t *testing.T) {
	d := newDisk(t)
	one, two := d.open(t, audit.Options{Instance: "one"}), d.open(t, audit.Options{Instance: "two"})
	for i := range 10 {
		r := callRecord(strconv.Itoa(i), "read")
		if err := one.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			r.PolicyHash = "other"
		}
		if err := two.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, one)
	closeLog(t, two)
	findings, v := verify(t, false, slices.Collect(strings.Lines(d.content(t))))
	want := audit.Summary{Files: 1, Lines: 24, Instances: 2, Checked: 19, Other: 1}
	if diff := cmp.Diff(want, v.Summary()); diff != "" || findings != nil {
		t.Errorf("got %v (-want +got)\n%s", findings, diff)
	}
	if notes := v.Notes(); len(notes) != 0 {
		t.Errorf("got notes %q, want none", notes)
	}
}

func TestVerify_rotatedFiles_belongTogether(t *testing.T) {
	good := goodLog(t, "one")
	if got, _ := verify(t, false, good[:5], good[5:]); got != nil {
		t.Errorf("got %v for the files in order, want none", got)
	}
	if got, _ := verify(t, true, good[5:7], good[7:]); !slices.Equal(got, []string{"0:1 gap"}) {
		t.Errorf("got %v where somebody took older files away, want 0:1 gap", got)
	}
	if got, _ := verify(t, true, good[5:7], good[8:]); !slices.Equal(got, []string{"1:1 gap", "0:1 gap"}) {
		t.Errorf("got %v for a line missing between the files, want 1:1 gap and 0:1 gap", got)
	}
}

func TestVerify_instanceWithoutEnd_isNotedWithItsRunningCalls(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{Instance: "killed"})
	for i := range 3 {
		if err := l.Begin(t.Context(), callRecord(strconv.Itoa(i), "read")); err != nil {
			t.Fatal(err)
		}
	}
	ended := callRecord("1", "read")
	l.Append(ended)
	begin(t, l, "last") // it has no step: nothing decided it
	whole := slices.Collect(strings.Lines(d.content(t)))
	closeLog(t, l)
	findings, v := verify(t, false, whole)
	if !slices.Equal(findings, []string{"0:6 decision"}) {
		t.Errorf("got %v, want [0:6 decision]", findings)
	}
	notes := v.Notes()
	if len(notes) != 1 || !strings.Contains(notes[0], `"killed"`) || !strings.Contains(notes[0], "may have run: 3") {
		t.Errorf("got %q, want one: killed, so 3 may have run", notes)
	}
}

func TestVerify_realRotation_isWhole(t *testing.T) {
	d := newDisk(t)
	l := d.open(t, audit.Options{MaxBytes: 3000, Files: 4, Keep: time.Nanosecond})
	for i := range 100 {
		if err := l.Begin(t.Context(), callRecord(strconv.Itoa(i), "read")); err != nil {
			t.Fatal(err)
		}
	}
	files, err := audit.Rotated(d.path)
	if err != nil || len(files) != 4 || files[0] != d.path+".3" || files[3] != d.path {
		t.Fatalf("got %v, %v; want four files, the oldest first", files, err)
	}
	v := audit.NewVerifier(map[string]audit.Decide{"hash": onlyRead}, true, func(f audit.Finding) { t.Errorf("found %+v, want nothing", f) })
	if err := v.VerifyFiles(files); err != nil {
		t.Fatal(err)
	}
	if s := v.Summary(); s.Checked < 20 || s.Files != 4 {
		t.Errorf("got %+v, want 20 decisions of 4 files at least", s)
	}
	closeLog(t, l)
}

func TestVerifyFiles_whatIsNoFile_isAnErrorThatNamesIt(t *testing.T) {
	for name, path := range map[string]string{"missing": filepath.Join(t.TempDir(), "x"), "a folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			v := audit.NewVerifier(nil, false, func(audit.Finding) {})
			if err := v.VerifyFiles([]string{path}); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an error that names %s", err, path)
			}
		})
	}
}

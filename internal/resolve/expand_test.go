package resolve_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

// root is an absolute folder that need not exist.
var root, _ = filepath.Abs(filepath.FromSlash("/home/ann/project"))

// in returns a path below root.
func in(below string) string { return filepath.Join(root, filepath.FromSlash(below)) }

// world is an Env with a few files below root. The others that the tests name
// do not exist.
func world(files map[string]string, environ ...string) resolve.Env {
	env := resolve.Env{
		Environ: environ, FileDir: root, ServersDir: in("../state/servers"), HomeDir: filepath.Dir(root), GOOS: "linux", Files: map[string]resolve.File{},
	}
	for _, missing := range []string{"no", "no.env", "no.txt", "a", "b", "secret-value/x", "secret/x"} {
		env.Files[in(missing)] = resolve.File{Reason: "the file does not exist"}
	}
	for name, text := range files {
		env.Files[in(name)] = resolve.File{Bytes: []byte(text)}
	}
	return env
}

// resolveEntry resolves one entry.
func resolveEntry(e serversfile.Entry, env resolve.Env) resolve.Server {
	return resolve.Servers(serversfile.File{Entries: []serversfile.Entry{e}}, env)[0]
}

// expand resolves an entry that has no problem.
func expand(t *testing.T, body string, env resolve.Env) resolve.Expansion {
	t.Helper()
	got := resolveEntry(problemtest.Entry(t, body), env)
	if got.Problem != "" {
		t.Fatalf("got the problem %s, want none", got.Problem)
	}
	return got.Expansion
}

func TestExpand_variables(t *testing.T) {
	env := world(map[string]string{"tok": "from file\n", "two": "a\n\n", "crlf": "a\r\n", "../up": "above"},
		"A=aaa", "EMPTY=", "EQ=x=y", "P(86)=p", "DOLLAR=${A}", "=C:=odd")
	cases := map[string]struct{ text, want string }{
		"nothing to do":                           {"plain", "plain"},
		"a variable":                              {"${A}", "aaa"},
		"the long form":                           {"${env:A}", "aaa"},
		"in the middle, twice":                    {"x${A}-${A}y", "xaaa-aaay"},
		"values are not expanded again":           {"${DOLLAR}", "${A}"},
		"a value may contain =":                   {"${EQ}", "x=y"},
		"windows names have parentheses":          {"${P(86)}", "p"},
		"set but empty is fine":                   {"[${EMPTY}]", "[]"},
		"the default of an unset variable":        {"${NO:-dd}", "dd"},
		"the default of an empty variable":        {"${EMPTY:-dd}", "dd"},
		"the default of a set variable":           {"${A:-dd}", "aaa"},
		"an empty default":                        {"[${NO:-}]", "[]"},
		"a default with :- and spaces in it":      {"${NO:-a :- b}", "a :- b"},
		"a default of the long form":              {"${env:NO:-dd}", "dd"},
		"an escaped variable":                     {"$${A}", "${A}"},
		"an escaped variable, then a real one":    {"$${A}${A}", "${A}aaa"},
		"a dollar before an escape":               {"$$${A}", "$${A}"},
		"a dollar alone":                          {"$A $ $$ $5 {A} $(A) a$", "$A $ $$ $5 {A} $(A) a$"},
		"a file, its newline cut":                 {"${file:tok}", "from file"},
		"a file, one newline cut":                 {"${file:two}", "a\n"},
		"a file of windows":                       {"${file:crlf}", "a"},
		"a file elsewhere":                        {"${file:../up}", "above"},
		"a file below the home directory":         {"${file:~/project/tok}", "from file"},
		"a file by its whole path":                {"${file:" + in("tok") + "}", "from file"},
		"the home directory":                      {"${userHome}/x", filepath.Dir(root) + "/x"},
		"the workspace folder":                    {"${workspaceFolder}", root},
		"an escape without a closing brace":       {"$${", "${"},
		"a literal brace after a variable":        {"${A}}", "aaa}"},
		"names are case-sensitive":                {"${a:-other}", "other"},
		"a default may hold a single dollar sign": {"${NO:-$5}", "$5"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := serversfile.Entry{Name: "s", Transport: serversfile.Stdio, Command: "x", Args: []string{c.text}}
			got := resolveEntry(e, env)
			if got.Problem != "" {
				t.Fatalf("got the problem %s, want none", got.Problem)
			}
			if got.Spec.Args[0] != c.want {
				t.Errorf("got %q, want %q", got.Spec.Args[0], c.want)
			}
		})
	}
}

func TestExpand_refusals_nameFieldAndVariableAndNoValue(t *testing.T) {
	env := world(map[string]string{"nul": "a\x00b", "nl": "a\nb\n", "bad.env": "A=secret-value\nsecret value\n"},
		"SECRET=secret-value", "ENDS=x\ny", "HOST=secret value")
	cases := map[string]struct{ body, want string }{
		"unset in args":              {`{"command": "x", "args": ["a", "${NO}"]}`, "args[1]: variable NO is not set"},
		"unset in env":               {`{"command": "x", "env": {"T": "${SECRET}${env:NO}"}}`, "env.T: variable NO is not set"},
		"unset in command":           {`{"command": "${NO}"}`, "command: variable NO is not set"},
		"unset in cwd":               {`{"command": "x", "cwd": "${NO}"}`, "cwd: variable NO is not set"},
		"unset in url":               {`{"url": "https://${NO}/"}`, "url: variable NO is not set"},
		"unset in a header":          {`{"url": "https://h/", "headers": {"A": "${NO}"}}`, "headers.A: variable NO is not set"},
		"all at once":                {`{"command": "${NO}", "args": ["${NO2}"]}`, "variable NO is not set; args[0]: variable NO2 is not set"},
		"an editor's input":          {`{"command": "x", "args": ["${input:secret-value}"]}`, "args[0]: unknown variable form ${input:...}"},
		"something odd":              {`{"command": "x", "args": ["${secret value}"]}`, "args[0]: unknown variable form ${...}"},
		"nothing in it":              {`{"command": "x", "args": ["${}"]}`, "args[0]: unknown variable form ${...}"},
		"a default of the shell":     {`{"command": "x", "args": ["${A-secret}"]}`, "args[0]: unknown variable form ${...}"},
		"nested":                     {`{"command": "x", "args": ["${NO:-${SECRET}}"]}`, "args[0]: variables cannot be nested"},
		"not closed":                 {`{"command": "x", "args": ["${secret-value"]}`, "args[0]: a ${ has no closing brace"},
		"a missing file":             {`{"command": "x", "env": {"T": "${file:no.txt}"}}`, "env.T: cannot read ${file:no.txt}: the file does not exist"},
		"no file":                    {`{"command": "x", "env": {"T": "${file:}"}}`, "env.T: ${file:} names no file"},
		"a NUL from a file":          {`{"command": "x", "env": {"T": "${file:nul}"}}`, "env.T: the value must not contain a NUL character"},
		"a line break in a header":   {`{"url": "https://h/", "headers": {"T": "${file:nl}"}}`, "headers.T: the value must be one line"},
		"a url that is none":         {`{"url": "https://${HOST}/"}`, "url: not a valid url"},
		"a url without a scheme":     {`{"url": "${SECRET}"}`, "url: the url must begin with http:// or https://"},
		"a command that is empty":    {`{"command": "${NO:-}"}`, "command: is empty once its variables are replaced"},
		"a missing envFile":          {`{"command": "${A:-x}", "envFile": "no.env"}`, `envFile: cannot read "no.env": the file does not exist`},
		"a bad envFile":              {`{"command": "${A:-x}", "envFile": "bad.env"}`, "envFile: bad.env:2:1: there is no = in the line"},
		"only the envFile's trouble": {`{"command": "${NO}", "envFile": "no.env"}`, `^envFile: cannot read "no.env": the file does not exist$`},
		"an unset one in envFile":    {`{"command": "${A:-x}", "envFile": "${NO}/x"}`, "envFile: variable NO is not set"},
		"paths from variables hide":  {`{"command": "${A:-x}", "envFile": "${SECRET}/x"}`, `envFile: cannot read "${SECRET}/x": the file does not exist`},
		"a default does not show up": {`{"command": "${A:-x}", "envFile": "${NO:-secret}/x"}`, `envFile: cannot read "${NO:-…}/x": the file does not exist`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := resolveEntry(problemtest.Entry(t, c.body), env)
			text := got.Problem
			if !strings.Contains("^"+text+"$", c.want) {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
			if strings.Contains(strings.ReplaceAll(text, "${SECRET}", ""), "secret") || strings.ContainsAny(text, "\n\x00") {
				t.Errorf("a value must not be shown: %s", text)
			}
			if diff := cmp.Diff(resolve.Spec{}, got.Spec); diff != "" {
				t.Errorf("want no spec because of the error, got %s", diff)
			}
		})
	}
}

func TestExpand_aFileThatIsTooLarge_isRefused(t *testing.T) {
	env := world(map[string]string{"big": strings.Repeat("x", jsondoc.MaxFileBytes+1)})
	got, want := resolveEntry(problemtest.Entry(t, `{"command": "x", "args": ["${file:big}"]}`), env).Problem, "${file:big}: it is larger than"
	if !strings.Contains(got, want) {
		t.Errorf("got %q, want it to say %q", got, want)
	}
}

func TestExpand_otherReadErrors_showThePathAsWritten(t *testing.T) {
	env := world(nil)
	env.Files[in("fifo")] = resolve.File{Reason: "it is a named pipe, not a regular file"}
	got, want := resolveEntry(problemtest.Entry(t, `{"command": "x", "args": ["${file:fifo}"]}`), env).Problem, "cannot read ${file:fifo}: it is a named pipe, not a regular file"
	if !strings.Contains(got, want) {
		t.Errorf("got %q, want it to say %q", got, want)
	}
}

func TestExpand_withoutAHome_tildeAndUserHomeAreRefused(t *testing.T) {
	env := world(nil)
	env.HomeDir = ""
	for _, body := range []string{`{"command": "${userHome}"}`, `{"command": "x", "cwd": "~/x"}`, `{"command": "x", "args": ["${file:~/x}"]}`} {
		if got, want := resolveEntry(problemtest.Entry(t, body), env).Problem, "there is no home directory"; !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want it to say %q", body, got, want)
		}
	}
}

func TestExpand_orderOfLookup(t *testing.T) {
	env := world(map[string]string{"e.env": "A=entry\nB=entry\nC=entry\nD=entry"}, "A=own", "B=own", "C=own", "D=own", "E=own")
	env.EnvFiles = []map[string]string{{"A": "first", "B": "first", "C": ""}, {"A": "second"}}
	got := expand(t, `{"command": "x", "envFile": "e.env", "args": ["${A}", "${B}", "${C:-default}", "${D}", "${E}"]}`, env)
	if diff := cmp.Diff([]string{"second", "first", "default", "entry", "own"}, got.Spec.Args); diff != "" {
		t.Error(diff)
	}
}

func TestExpand_paths(t *testing.T) {
	own := resolve.OwnFolder(world(nil).ServersDir, "s")
	cases := map[string]struct{ body, command, cwd string }{
		"a bare command is looked up later":    {`{"command": "npx"}`, "npx", own},
		"a relative command":                   {`{"command": "./bin/x"}`, in("bin/x"), own},
		"a relative command, not from the cwd": {`{"command": "bin/x", "cwd": "sub"}`, in("bin/x"), in("sub")},
		"an absolute command":                  {`{"command": "` + filepath.ToSlash(in("x")) + `"}`, filepath.ToSlash(in("x")), own},
		"below the home directory":             {`{"command": "~/x", "cwd": "~"}`, filepath.Join(filepath.Dir(root), "x"), filepath.Dir(root)},
		"a tilde elsewhere is only a letter":   {`{"command": "~x", "cwd": "a~/b"}`, "~x", in("a~/b")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := expand(t, c.body, world(nil)).Spec
			if got.Command != c.command || got.Cwd != c.cwd {
				t.Errorf("got %s in %s, want %s in %s", got.Command, got.Cwd, c.command, c.cwd)
			}
		})
	}
}

func TestExpand_withoutAStateFolder_aServerNeedsACwd(t *testing.T) {
	env := world(nil)
	env.ServersDir = ""
	if got, want := resolveEntry(problemtest.Entry(t, `{"command": "x"}`), env).Problem, "cwd: is needed"; !strings.HasPrefix(got, want) {
		t.Errorf("got the problem %q, want it to begin with %q", got, want)
	}
	if got, want := expand(t, `{"command": "x", "cwd": "sub"}`, env).Spec.Cwd, in("sub"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	expand(t, `{"url": "http://h"}`, env)
}

func TestExpand_workspaceFolder_isTheParentOfAnEditorsFolder(t *testing.T) {
	for dir, want := range map[string]string{".cursor": root, ".vscode": root, "sub": in("sub"), ".git": in(".git")} {
		env := world(nil)
		env.FileDir = in(dir)
		if got := expand(t, `{"command": "x", "args": ["${workspaceFolder}"], "cwd": "."}`, env).Spec; got.Args[0] != want || got.Cwd != in(dir) {
			t.Errorf("%s: got %s, in %s, want %s, in %s", dir, got.Args[0], got.Cwd, want, in(dir))
		}
	}
}

func TestExpand_environment_isTheEntrysPlusWhatIsPassed(t *testing.T) {
	env := world(nil, "AWS_KEY=k", "AWS_REGION=r", "XAWS_=no", "ONE=1", "one=2", "PATH=/bin", "SECRET=s")
	got := expand(t, `{"command": "x", "env": {"AWS_REGION": "mine", "B": "${ONE}"}, "gateway": {"env_pass": ["AWS_*", "ONE"]}}`, env)
	want := map[string]string{"AWS_KEY": "k", "AWS_REGION": "mine", "B": "1", "ONE": "1"}
	if diff := cmp.Diff(want, got.Spec.Env); diff != "" {
		t.Error(diff)
	}
}

func TestExpand_onWindows_caseDoesNotMatterInNames(t *testing.T) {
	env := world(nil, "Path=p", "Aws_Key=k", "Other=o")
	env.GOOS = "windows"
	got := expand(t, `{"command": "x", "args": ["${PATH}"], "env": {"aws_key": "mine"}, "gateway": {"env_pass": ["AWS_*", "OTHER"]}}`, env).Spec
	if diff := cmp.Diff([]string{"p"}, got.Args); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"aws_key": "mine", "Other": "o"}, got.Env); diff != "" {
		t.Error(diff)
	}
}

func TestExpand_aURLServer_hasNoProcessFields(t *testing.T) {
	e := problemtest.Entry(t, `{"url": "https://h/${A}", "headers": {"X": "${A}"}, "gateway": {"env_pass": ["*"]}}`)
	e.Args, e.Env, e.Cwd = []string{"${NO}"}, map[string]string{"A": "${NO}"}, "${NO}"
	got := resolveEntry(e, world(nil, "A=a"))
	if got.Problem != "" {
		t.Fatalf("got the problem %s, want none", got.Problem)
	}
	want := resolve.Spec{Transport: serversfile.Auto, URL: "https://h/a", Headers: map[string]string{"X": "a"}}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Error(diff)
	}
}

func TestExpand_secrets(t *testing.T) {
	env := world(map[string]string{"tok": "file-token\n"}, "LONG=12345678", "SHORT=1234567", "AWS_K=k", "PASS=p%40ss", "Q=querying")
	cases := map[string]struct {
		body string
		want []redact.Secret
	}{
		"variables from 8 bytes on": {
			`{"command": "x", "args": ["a${LONG}", "${SHORT}", "${env:LONG}", "${NO:-defaulted}", "${file:tok}"]}`,
			[]redact.Secret{{Name: "LONG", Value: "12345678"}, {Name: "NO", Value: "defaulted"}, {Name: "file:tok", Value: "file-token"}},
		},
		"folders are none": {`{"command": "${userHome}/x", "cwd": "${workspaceFolder}"}`, nil},
		"all of env, whole": {
			`{"command": "x", "env": {"A": "1", "B": "b${SHORT}", "C": "${LONG}", "D": ""}, "gateway": {"env_pass": ["AWS_*"]}}`,
			[]redact.Secret{
				{Name: "LONG", Value: "12345678"},
				{Name: "env.A", Value: "1"},
				{Name: "env.AWS_K", Value: "k"},
				{Name: "env.B", Value: "b1234567"},
				{Name: "env.C", Value: "12345678"},
			},
		},
		"all of headers, whole and behind the scheme": {
			`{"url": "https://h", "headers": {"Authorization": "Bearer ${SHORT}", "X": "a b"}}`,
			[]redact.Secret{
				{Name: "header.Authorization", Value: "1234567"},
				{Name: "header.Authorization", Value: "Bearer 1234567"},
				{Name: "header.X", Value: "a b"},
				{Name: "header.X", Value: "b"},
			},
		},
		"userinfo and query of a url": {
			`{"url": "https://me:${PASS}@h/p?key=a%20b&${Q}"}`,
			[]redact.Secret{
				{Name: "Q", Value: "querying"},
				{Name: "url.password", Value: "p@ss"},
				{Name: "url.query", Value: "querying"},
				{Name: "url.query.key", Value: "a b"},
				{Name: "url.query.key", Value: "a%20b"},
				{Name: "url.user", Value: "me"},
				{Name: "url.userinfo", Value: "me:p%40ss"},
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, expand(t, c.body, env).Secrets); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExpand_files_areThoseReadOrLookedFor(t *testing.T) {
	env := world(map[string]string{"e.env": "A=1"})
	got := resolveEntry(problemtest.Entry(t, `{"command": "x", "envFile": "e.env", "args": ["${file:b}", "${file:a}", "${file:b}"]}`), env)
	if got.Problem == "" {
		t.Fatal("got no problem, want one")
	}
	if diff := cmp.Diff([]string{in("a"), in("b"), in("e.env")}, got.Files); diff != "" {
		t.Error(diff)
	}
}

func TestExpand_references(t *testing.T) {
	env := world(nil, "A=1", "B=2")
	got := resolveEntry(problemtest.Entry(t, `{"command": "${A}", "args": ["${B}", "${A}${A}", "${NO}"]}`), env)
	want := []resolve.Reference{{Field: "args", Variable: "A"}, {Field: "args", Variable: "B"}, {Field: "args", Variable: "NO"}, {Field: "command", Variable: "A"}}
	if diff := cmp.Diff(want, got.References, cmpopts.IgnoreUnexported(resolve.Reference{})); diff != "" {
		t.Error(diff)
	}
}

// What an entry names can name more: its envFile may stand at a path that a
// file holds.
func TestServers_filesThatWereNotRead_areListed(t *testing.T) {
	env := world(map[string]string{})
	list := func() []resolve.Server {
		return []resolve.Server{
			resolveEntry(problemtest.Entry(t, `{"command": "${A}", "args": ["${file:d}", "${file:c}", "${file:d}"], "envFile": "${file:where}"}`), env),
			resolveEntry(problemtest.Entry(t, `{"command": "x", "args": ["${file:off}"], "disabled": true}`), env),
		}
	}
	for _, want := range [][]string{{in("c"), in("d"), in("where")}, {in("e.env")}, nil} {
		got := resolve.Unread(list())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unread (-want +got):\n%s", diff)
		}
		for _, path := range got {
			env.Files[path] = resolve.File{Bytes: []byte("A=" + path)}
		}
		env.Files[in("where")] = resolve.File{Bytes: []byte("e.env")}
	}
	if got := list()[0]; got.Problem != "" || got.Spec.Command != in("e.env") {
		t.Errorf("once all are read: got %q, command %s; want no problem and %s", got.Problem, got.Spec.Command, in("e.env"))
	}
	if diff := cmp.Diff([]string{in("c"), in("d"), in("e.env"), in("where")}, resolve.Files(list())); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

package serversfile_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

func TestDoubts_goldenTexts(t *testing.T) {
	problemtest.EachFile(t, "doubts/*.json", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		if _, problems := serversfile.Parse(file, src); jsondoc.HasErrors(problems) {
			t.Errorf("got errors %v, want a file that can be used", problems)
		}
		return serversfile.Doubts(file, src)
	})
}

func TestUnpinned(t *testing.T) {
	for line, want := range map[string]string{ // The package, "" if it is pinned or none is fetched.
		"npx -y @scope/pkg":                              "@scope/pkg",
		"npx -y @scope/pkg@latest":                       "@scope/pkg@latest",
		"npx @scope/pkg@next /data":                      "@scope/pkg@next",
		"npx --yes pkg@^1.2.3":                           "pkg@^1.2.3",
		"npx -y pkg@1":                                   "pkg@1",
		"npx -y pkg@1.2.3":                               "",
		"npx -y @scope/pkg@1.2.3-beta.1 other":           "",
		"npx -y ./local":                                 "",
		"npx -y ${PKG}":                                  "",
		"npx -y pkg@${VERSION}":                          "",
		"npx -y --package pkg@1.2.3 bin":                 "",
		"npx -y -p pkg bin":                              "pkg",
		"npx --package=pkg bin":                          "pkg",
		"npx --registry https://r.example pkg":           "pkg",
		"npx -y github:user/repo":                        "github:user/repo",
		"npx -y github:user/repo#0123abc":                "",
		"C:\\node\\npx.cmd -y pkg":                       "pkg",
		"/usr/bin/npx -y pkg":                            "pkg",
		"cmd /c npx -y pkg":                              "pkg",
		"env A=b npx -y pkg":                             "pkg",
		"npm exec -- pkg":                                "pkg",
		"npm run build":                                  "",
		"bunx pkg":                                       "pkg",
		"bun x pkg@1.2.3":                                "",
		"bun run index.ts":                               "",
		"pnpm dlx pkg":                                   "pkg",
		"pnpm --silent dlx pkg@1.0.0":                    "",
		"yarn dlx pkg":                                   "pkg",
		"deno run -A npm:pkg":                            "npm:pkg",
		"deno run -A npm:@scope/pkg@1.2.3/cli.js":        "",
		"deno run main.ts":                               "",
		"uvx pkg":                                        "pkg",
		"uvx pkg@latest":                                 "pkg@latest",
		"uvx pkg@1.2.3":                                  "",
		"uvx pkg==1.2":                                   "",
		"uvx pkg>=1.2":                                   "pkg>=1.2",
		"uvx --python 3.12 pkg":                          "pkg",
		"uvx --from pkg==1.2.3 tool":                     "",
		"uvx --from pkg[extra] tool":                     "pkg[extra]",
		"uvx --from git+https://h.example/u/r tool":      "git+https://h.example/u/r",
		"uvx --from git+https://h.example/u/r@v1 tool":   "",
		"uvx --from git+https://me@h.example/u/r tool":   "git+https://me@h.example/u/r",
		"uv tool run pkg":                                "pkg",
		"uv run server.py":                               "",
		"uv --directory /x run server.py":                "",
		"uvx --with helper pkg==1.0":                     "helper",
		"uvx --with=a==1.0,b pkg@1.0":                    "--with=a==1.0,b",
		"uvx --from pkg==1.0 --with ./local tool":        "",
		"uv run --with mcp server.py":                    "mcp",
		"uv run --with mcp==1.2.3 server.py --with x":    "",
		"uv run --python 3.12 --with mcp -m server":      "mcp",
		"go run example.com/m/cmd@latest":                "example.com/m/cmd@latest",
		"go run -mod=mod example.com/m@main x":           "example.com/m@main",
		"go run example.com/m@v1.2.3":                    "",
		"go run example.com/m@0123abc4567d":              "",
		"go run ./cmd/server":                            "",
		"go build ./x@latest":                            "",
		"deno run -A https://h.example/x/mod.ts":         "https://h.example/x/mod.ts",
		"deno run https://h.example/x@1.2.3/mod.ts":      "",
		"deno run -A server.ts https://api.example/v1":   "",
		"deno run --config x.json npm:pkg npm:other@1":   "npm:pkg",
		"deno task start https://api.example/v1":         "",
		"npx -y https://h.example/pkg.git":               "https://h.example/pkg.git",
		"pipx run pkg":                                   "pkg",
		"pipx run --spec pkg==1.0 tool":                  "",
		"docker run -i --rm mcp/fetch":                   "mcp/fetch",
		"docker run -i --rm mcp/fetch:latest":            "mcp/fetch:latest",
		"docker run --rm -it -e KEY -v /a:/b mcp/x:1.2":  "",
		"docker run -e KEY=latest r.example:5000/x/y":    "r.example:5000/x/y",
		"docker run --env K --name n r.example:5000/x:1": "",
		"docker run -ie KEY mcp/fetch":                   "mcp/fetch",
		"docker run mcp/fetch@sha256:0123":               "",
		"docker --context far run --rm mcp/fetch":        "mcp/fetch",
		"docker compose up":                              "",
		"docker exec -i box run":                         "",
		"podman run --rm mcp/fetch":                      "mcp/fetch",
		"node server.js":                                 "",
		"python -m server npx":                           "",
	} {
		got := ""
		if found := serversfile.Unpinned(strings.Fields(line)); len(found) > 0 {
			got = strings.Fields(line)[found[0].Word]
			if got != found[0].Package && !strings.HasSuffix(got, found[0].Package) {
				t.Errorf("%s: got the package %q in the word %q, want them to be the same", line, found[0].Package, got)
			}
		}
		if got = strings.TrimPrefix(got, "--package="); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func TestUnpinned_inAScript(t *testing.T) {
	for script, want := range map[string]int{
		"npx -y pkg": 1, "cd /x && exec npx -y 'pkg@latest'": 1, "A=b uvx one; docker run two": 2, "npx -y pkg@1.2.3": 0, "echo npx": 0,
		"curl -fsSL https://h.example/i.sh | sh": 1, "wget -qO- 'https://h.example/i.sh' | sudo /bin/bash -s x; npx pkg": 2,
		"curl -o f https://h.example/f; sh f": 0, "cat f | sh": 0,
	} {
		if got := serversfile.Unpinned([]string{"/bin/bash", "-lc", script}); len(got) != want || want > 0 && got[0].Word != 2 {
			t.Errorf("%s: got %+v, want %d in the script's word", script, got, want)
		}
	}
	for word, words := range map[int][]string{
		2: {"env", "-S", "A=b npx -y pkg"}, 1: {"/usr/bin/env", "-Snpx -y pkg"}, 3: {"env", "A=b", "--split-string", "uvx pkg"},
	} {
		if got := serversfile.Unpinned(words); len(got) != 1 || got[0].Word != word || got[0].Package != "pkg" {
			t.Errorf("%q: got %+v, want pkg in word %d", words, got, word)
		}
	}
	if got := serversfile.Unpinned(nil); got != nil {
		t.Errorf("no command: got %v, want none", got)
	}
}

func TestUnpinned_isShownWithoutPasswords(t *testing.T) {
	for _, args := range []string{
		`"uvx", "args": ["--with", "foo @ git+https://me:pa55word@h.example/r", "x@1.0"]`,
		`"npx", "args": ["foo@git+https://me:pa55word@h.example/a/b"]`,
		`"npx", "args": ["https://h.example/a/b?token=pa55word"]`,
		`"docker", "args": ["run", "me:pa55word@reg.example/img"]`,
		`"go", "args": ["run", "me:pa55word@h.example/x@latest"]`,
		`"sh", "args": ["-c", "curl https://me:pa55word@h.example/i?token=pa55word | sh"]`,
	} {
		found := 0
		for _, p := range serversfile.Doubts("f", []byte(`{"mcpServers": {"x": {"command": `+args+`}}}`)) {
			found++
			if said := fmt.Sprintf("%+v", p); strings.Contains(said, "pa55word") {
				t.Errorf("%s: got %s, want no password", args, said)
			}
		}
		if found == 0 {
			t.Errorf("%s: got no warning, want one", args)
		}
	}
}

func FuzzDoubts(f *testing.F) {
	for _, src := range problemtest.Corpus(f, "doubts/*.json") {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, p := range serversfile.Doubts("f", src) {
			if p.Severity != jsondoc.Warning || p.Line == 0 || p.Hint == "" {
				t.Errorf("got %+v, want a warning with a position and a hint", p)
			}
		}
	})
}

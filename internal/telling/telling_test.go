package telling_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/telling"
)

func TestLine_tellsWhyAProgramFailed(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"node, module missing": {`node:internal/modules/cjs/loader:1143
  throw err;
  ^

Error: Cannot find module '/srv/index.js'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1140:15)
    at node:internal/main/run_main_module:28:49 {
  code: 'MODULE_NOT_FOUND',
  requireStack: []
}

Node.js v20.11.0`, "Error: Cannot find module '/srv/index.js'"},
		"python, package missing": {`Traceback (most recent call last):
  File "/srv/main.py", line 1, in <module>
    import mcp
ModuleNotFoundError: No module named 'mcp'`, "ModuleNotFoundError: No module named 'mcp'"},
		"python, arguments": {`usage: server [-h] --key KEY
server: error: the following arguments are required: --key`, "server: error: the following arguments are required: --key"},
		"npm, package missing": {`npm error code E404
npm error 404 Not Found - GET https://registry.npmjs.org/no-such - Not found
npm error 404
npm error 404  'no-such@*' is not in this registry.
npm error 404
npm error 404 Note that you can also install from a
npm error 404 tarball, folder, http url, or git folder.
npm error A complete log of this run can be found in: /root/.npm/_logs/1.log`, "npm error 404  'no-such@*' is not in this registry."},
		"go, panic": {`panic: runtime error: index out of range [3] with length 2

goroutine 1 [running]:
main.main()
	/srv/main.go:9 +0x1d
exit status 2`, "panic: runtime error: index out of range [3] with length 2"},
		"rust, panic": {`thread 'main' panicked at src/main.rs:3:5:
API_KEY is not set
note: run with RUST_BACKTRACE=1 environment variable to display a backtrace`, "API_KEY is not set"},
		"java": {`Exception in thread "main" java.lang.IllegalStateException: no key
	at com.example.Main.main(Main.java:3)
	... 4 more`, `Exception in thread "main" java.lang.IllegalStateException: no key`},
		"docker without a terminal": {"the input device is not a TTY", "the input device is not a TTY"},
		"npx that asks": {`Need to install the following packages:
some-server@1.2.3
Ok to proceed? (y) `, "Ok to proceed? (y)"},
		"a question after an error":   {"error: old\nProceed? [y/N]", "Proceed? [y/N]"},
		"a password":                  {"Password for admin: ", "Password for admin:"},
		"usage and an end with 0":     {"Usage: server <folder>\n\nOptions:\n  --help  show help", "Usage: server <folder>"},
		"nothing but a remark":        {"Starting\nLoading settings", "Loading settings"},
		"colors":                      {"\x1b[31mError:\x1b[0m no key\x1b]0;title\x07", "Error: no key"},
		"a spinner":                   {"⠋ loading\r⠙ loading\rError: no key\r", "Error: no key"},
		"the error before more words": {"Error: no key\nBye now", "Error: no key"},
		"nothing":                     {"\n  \n----\n}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := telling.Line(strings.Split(c.output, "\n"), false); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestLine_sure_leavesOutWhatNamesNoError(t *testing.T) {
	for output, want := range map[string]string{
		"request handled":               "",
		"FATAL: disk full\nclosing now": "FATAL: disk full",
	} {
		if got := telling.Line(strings.Split(output, "\n"), true); got != want {
			t.Errorf("of %q: got %q, want %q", output, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("Error: x\n\x1b[2J\r\nb\x00ad \xff")
	f.Add(strings.Repeat("é", 1000))
	f.Fuzz(func(t *testing.T, output string) {
		got := telling.Line(strings.Split(output, "\n"), false)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) || len(got) > 300 {
			t.Errorf("got %q, want one line of at most 300 bytes without control characters", got)
		}
	})
}

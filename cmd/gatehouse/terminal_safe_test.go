package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/testkit"
)

// hostile is what a terminal would act on: C0, DEL, C1 as a character and as a
// byte, marks of writing direction, separators, what shows nothing.
const hostile = "h\x1b]0;t\x07\x1b[2J\u009b31m\x9b31m\u0085\u202e\u2066\u200f\u061c\u2028\u200b\u2060\ufeff\U000e0041\U000e0101\u115f\u3164\x7f\r\be"

var hostileCharacters = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u115f\u3164\U000e0000-\U000e0fff]")

// harmless fails the test if a terminal would act on an output.
func harmless(t *testing.T, what string, outputs ...string) {
	t.Helper()
	for _, out := range outputs {
		if at := hostileCharacters.FindString(out); at != "" || !utf8.ValidString(out) {
			t.Errorf("%q: got %q in the output, want it visible: %.300q", what, at, out)
		}
	}
}

// in runs a command within this process, and returns what it printed.
func in(args ...string) (out, errs string) {
	var stdout, stderr bytes.Buffer
	run(args, strings.NewReader(""), &stdout, &stderr)
	return stdout.String(), stderr.String()
}

// ownFolders has commands find no gateway and no files but those of the test.
func ownFolders(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"HOME", "GATEHOUSE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "LOGS_DIRECTORY"} {
		t.Setenv(name, filepath.Join(dir, "own"))
	}
	// No folder can be made in a file, so attach starts no gateway in the background.
	testkit.WriteAtomic(t, "file", "")
	t.Setenv("GATEHOUSE_HOME", filepath.Join(dir, "file"))
}

// Not parallel: it changes the folder and the environment.
func TestTerminal_everyCommand_showsHostileWordsAsText(t *testing.T) {
	ownFolders(t)
	everyCommand(newRoot(), func(c *cobra.Command) {
		words := strings.Fields(c.CommandPath())[1:]
		for _, args := range [][]string{{hostile}, {hostile, hostile}, {hostile, hostile, hostile}, {"--" + hostile}, {"-" + hostile}} {
			out, errs := in(append(slices.Clip(words), args...)...)
			harmless(t, strings.Join(words, " "), out, errs)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			out, errs := in(append(slices.Clip(words), "--"+f.Name+"="+hostile)...)
			harmless(t, strings.Join(words, " ")+" --"+f.Name, out, errs)
		})
		out, errs := in(append(slices.Clip(words), "--help")...)
		harmless(t, strings.Join(words, " ")+" --help", out, errs)
	})
}

func TestTerminal_files_areShownAsText(t *testing.T) {
	ownFolders(t)
	name, err := json.Marshal(strings.ToValidUTF8(hostile, ""))
	if err != nil {
		t.Fatal(err)
	}
	q := string(name)
	testkit.WriteAtomic(t, "s.json", `{"mcpServers":{`+q+`:{"command":`+q+`,"cwd":`+q+`,`+q+`:1}, "ok":{"command":"x","args":[`+q+`]}}, `+q+`:2}`)
	testkit.WriteAtomic(t, "r.json", `{"agents":{`+q+`:{"allow":{"servers":[`+q+`]},`+q+`:1}},`+q+`:{}}`)
	testkit.WriteAtomic(t, "good.json", `{"agents":{"a":{"allow":{"servers":["ok"],"tools":{"ok":["`+strings.Repeat("x", 3)+`\u202e*"]}}}}}`)
	testkit.WriteAtomic(t, "t.json", `{"tests":[{"agent":"a","server":`+q+`,"allow":true},{`+q+`:1}]}`)
	testkit.WriteAtomic(t, "a.jsonl", hostile+"\n"+`{"v":1,"event":`+q+`,"instance":`+q+`,"seq":1}`+"\n"+hostile)
	testkit.WriteAtomic(t, "raw.json", hostile)
	for _, args := range []string{
		"validate --mcp-config s.json --rules r.json", "validate --mcp-config s.json --rules r.json --json", "validate --mcp-config raw.json --rules raw.json",
		"run --mcp-config s.json --rules r.json", "explain a ok H --rules good.json", "explain H H H --rules good.json", "explain H H H --rules good.json --json", "explain a ok --rules r.json",
		"policy test t.json --rules good.json", "policy test t.json --rules good.json --json", "policy test raw.json --rules r.json",
		"policy diff good.json r.json", "policy diff raw.json good.json", "audit verify a.jsonl --rules good.json", "audit verify a.jsonl --rules good.json --json",
		"audit verify H --rules H", "__complete call H", "__complete status H", "init --dir H", "token new H", "token new --agent H --id H",
	} {
		words := strings.Fields(args)
		for i := range words {
			if words[i] == "H" {
				words[i] = hostile
			}
		}
		out, errs := in(words...)
		if out+errs == "" {
			t.Errorf("%s: got nothing, want some words", args)
		}
		harmless(t, args, out, errs)
	}
}

var painted = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestTerminal_whatServersSay_isShownAsText(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(strings.ToValidUTF8(hostile, ""))
	if err != nil {
		t.Fatal(err)
	}
	q := string(text)
	list := filepath.Join(t.TempDir(), "list.json")
	testkit.WriteAtomic(t, list, `{"tools":[{"name":`+q+`,"description":`+q+`,"inputSchema":{"type":"object"}},{"name":"stderr","inputSchema":{}},{"name":"echo","inputSchema":{}}]}`)
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--list", list)})
	a.Execute(t, "s", "stderr", map[string]any{"line": hostile}).Good(t)
	testkit.Eventually(t, "the line", func() bool {
		return strings.Contains(operate(t, g, "logs").out, "server stderr")
	})
	for _, args := range [][]string{
		{"status"},
		{"status", "--all", "--color", "always"},
		{"status", "s", "--color", "always"},
		{"status", "--json"},
		{"status", "s", "--json"},
		{"logs"},
		{"logs", "--json"},
		{"tools"},
		{"tools", "--json"},
		{"call", "s", "echo", `{"x":` + q + `}`, "--agent", "a"},
		{"call", "s", "echo", `{"x":` + q + `}`, "--agent", "a", "--json"},
		{"call", "s", hostile, "--agent", hostile},
		{"explain", "a", "s", hostile},
		{"hold", "s", "--reason", hostile},
		{"status"},
		{"release", "s"},
		{"restart", hostile},
		{"__complete", "call", "s", ""},
		{"__complete", "status", ""},
		{"audit", "verify", g.AuditFile, "--rules", g.RulesFile},
	} {
		r := operate(t, g, args...)
		harmless(t, strings.Join(args, " "), painted.ReplaceAllString(r.out, ""), r.err)
	}
}

// Tests run commands beside each other: what a library logs for one of them must
// not be written to the output of another.
func TestRun_leavesTheLogOfTheProcessAlone(t *testing.T) {
	t.Parallel()
	in("version")
	if got := log.Writer(); got != os.Stderr {
		t.Errorf("the process logs to %T of one command, want its stderr", got)
	}
}

// The process itself logs nothing that a terminal would act on, whatever a library says.
func TestMain_whatALibraryLogs_isShownAsText(t *testing.T) {
	t.Parallel()
	self, err := os.Executable() // Another program logs nothing.
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "version")
	cmd.Env = append(operatorEnv(&testkit.Gateway{Dir: t.TempDir()}), "GATEHOUSE_TEST_MAIN=1", libraryLogs+"=it says "+hostile)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil || !strings.Contains(errs.String(), "it says h") {
		t.Fatalf("got %v, %q; want what is logged", err, errs.String())
	}
	harmless(t, "the log of the process", errs.String())
}

package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestMain_whatIsWrongWithACommand_isSaidForPeople(t *testing.T) {
	freshHome(t)
	cases := map[string]string{
		"stauts":                       `there is no command "stauts"; did you mean status?`,
		"validte":                      "did you mean validate?",
		"reloa":                        "did you mean reload?",
		"statsu --json":                "did you mean status?",
		"policy tst":                   `there is no command "policy tst"; did you mean policy test?`,
		"audit verfy x":                "did you mean audit verify?",
		"token nwe":                    "did you mean token new?",
		"verify x":                     "did you mean audit verify?",
		"completion bsh":               "did you mean completion bash or",
		"help stauts":                  "did you mean status?",
		"call":                         "SERVER and TOOL are missing; usage: gatehouse call SERVER TOOL [JSON]",
		"call x":                       "TOOL is missing",
		"call a b {} c":                `unexpected argument "c"; usage: gatehouse call SERVER TOOL [JSON]`,
		"restart":                      "SERVER is missing; usage: gatehouse restart SERVER",
		"explain a":                    "SERVER is missing; usage: gatehouse explain AGENT SERVER [TOOL]",
		"audit verify":                 "FILE is missing; usage: gatehouse audit verify FILE...",
		"policy diff":                  "NEW_RULES are missing",
		"token new x":                  `unexpected argument "x"; usage: gatehouse token new --id ID --agent A,B`,
		"find":                         "WORDS are missing; usage: gatehouse find WORDS...",
		"token new --agent a":          "--id is needed",
		"token new --id a,b --agent a": `--id is "a,b": use 1 to 128 letters`,
		"version x":                    `unexpected argument "x"`,
		"run x":                        `unexpected argument "x"`,
		"completion nope":              `there is no command "completion nope": use bash, fish, powershell, zsh`,
		"policy x":                     `there is no command "policy x": use diff, test`,
		"trust --list --revoke":        "--list and --revoke cannot be combined",
		"tools --changes --names":      "--changes and --names cannot be combined",
		"logs --node a --all":          "--node and --all cannot be combined",
		"logs --level loud":            `--level: unknown log level "loud": use debug`,
		"run --log-level loud":         `--log-level: unknown log level "loud": use debug`,
		"import --from":                "--from needs a value: only the servers of this PROGRAM or FILE",
		"run --htpp 80":                "there is no flag --htpp; did you mean --http?",
		"run --http-addr 80":           "there is no flag --http-addr; did you mean --http?",
		"status --watc":                "did you mean --watch?",
		"--mcpconfig x":                "did you mean --mcp-config?",
		"status -q":                    "there is no flag -q",
		"run --http":                   "--http needs a value: serve over HTTP",
		"status --interval 1":          `--interval is "1": must be a duration like "30s"`,
		"logs -n many":                 `--lines is "many": must be an integer`,
		"run --debug=maybe":            `--debug is "maybe": must be true or false`,
		"--color sometimes status":     `--color is "sometimes": use auto, always or never`,
	}
	for command, want := range cases {
		r := atHome(t, strings.Fields(command)...)
		if r.code != exitUsage || !strings.Contains(r.err, want) {
			t.Errorf("%s: got exit code %d, %q, want %d, %q", command, r.code, r.err, exitUsage, want)
		}
		for _, wrong := range []string{"arg(s)", "accepts", "unknown command", "strconv", "shorthand"} {
			if strings.Contains(r.err, wrong) {
				t.Errorf("%s: got %q in %q, want none", command, wrong, r.err)
			}
		}
	}
	if r := atHome(t, "xyzzy").want(t, exitUsage, "xyzzy"); strings.Contains(r.err, "did you mean") {
		t.Errorf("got %q, want no suggestion", r.err)
	}
	r := atHome(t, "status", "--watc")
	if want := `Run "gatehouse status --help"`; !strings.Contains(r.err, want) {
		t.Errorf("got %q, want %s", r.err, want)
	}
}

func TestMain_aGroupOfCommands_showsThem(t *testing.T) {
	for _, group := range []string{"policy", "audit", "token", "completion"} {
		atHome(t, group).want(t, exitFine, "gatehouse "+group+" COMMAND")
	}
}

func TestMain_everyCommandSaysWhichWordsItTakes(t *testing.T) {
	everyCommand(newRoot(), func(cmd *cobra.Command) {
		if cmd.Args == nil || !cmd.Runnable() {
			t.Errorf("%s: got no check of its words, want one", cmd.CommandPath())
		}
	})
}

func TestChange_countsAsPeopleDo(t *testing.T) {
	for n, want := range map[int]string{0: "0 rules change", 1: "1 rule changes", 2: "2 rules change"} {
		if got := change(n, "rule"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

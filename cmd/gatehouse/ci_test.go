package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// script runs a program of .ci in dir, and returns what it printed and its exit code.
// It skips the test where one of the programs it needs is missing.
func script(t *testing.T, dir, stdin string, env []string, name string, args ...string) (out string, code int) {
	t.Helper()
	for _, needed := range []string{"sh", "awk", "mktemp", "tee", "cmp"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("%s is not here", needed)
		}
	}
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdin, cmd.Env = dir, strings.NewReader(stdin), append(os.Environ(), env...)
	text, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(text), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text), 0
}

// inCI is the path of a file of .ci.
func inCI(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", ".ci", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

const fuzzing = "fuzz: elapsed: 0s, gathering baseline coverage: 0/3 completed\nfuzz: elapsed: 10s, execs: 486221 (0/sec), new interesting: 17 (total: 20)\n"

// Go's own fuzzing tells the end of its time as a failure now and then.
func TestCI_fuzz_tellsAFindingFromTheEndOfTheTime(t *testing.T) {
	const fails = "--- FAIL: FuzzX (10.73s)\n"
	const end = "FAIL\nexit status 1\nFAIL\tgatehouse/p\t10.769s\n"
	for _, c := range []struct {
		name, says, writes string
		code, want         int
	}{
		{"all is well", fuzzing + "PASS\nok  \tgatehouse/p\t10.7s\n", "", 0, 0},
		{"its time was up", fuzzing + fails + "    context deadline exceeded\n" + end, "", 1, 0},
		{"its time was up, and it wrote an input", fuzzing + fails + "    context deadline exceeded\n" + end, "new", 1, 1},
		{"its time was up, and there was a panic", fuzzing + "panic: x\n" + fails + "    context deadline exceeded\n" + end, "", 1, 1},
		{"the target itself ran into a deadline", fuzzing + fails + "    --- FAIL: FuzzX (0.00s)\n        x_test.go:7: context deadline exceeded\n" + end, "", 1, 1},
		{
			"its time was up, and a gateway shows its log",
			fuzzing + fails + "    context deadline exceeded\n    gateway.go:87: the end of the gateway's log:\n        {\"msg\":\"x\"}\n    gateway.go:87: and other lines:\n" + end, "", 1, 0,
		},
		{"more is said beside the deadline", fuzzing + fails + "    context deadline exceeded\n    x_test.go:7: got 1, want 2\n" + end, "", 1, 1},
		{"an input was being made smaller", fuzzing + "fuzz: minimizing 34-byte failing input file\n" + fails + "    context deadline exceeded\n" + end, "", 1, 1},
		{"two failed", fuzzing + fails + "    context deadline exceeded\n" + fails + "    context deadline exceeded\n" + end, "", 1, 1},
		{"a seed fails", fails + "    --- FAIL: FuzzX/seed#0 (0.00s)\n" + end, "", 1, 1},
		{"it does not compile", "p/x_test.go:3:1: syntax error\nFAIL\tgatehouse/p [build failed]\n", "", 2, 2},
		{"it was killed", fuzzing, "", 137, 137},
		{"it says nothing", "", "", 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			corpus := filepath.Join(dir, "p", "testdata", "fuzz", "FuzzX")
			if err := os.MkdirAll(corpus, 0o700); err != nil {
				t.Fatal(err)
			}
			fake := "#!/bin/sh\ncat <<'END'\n" + c.says + "END\n"
			if c.writes != "" {
				fake += "touch '" + filepath.Join(corpus, c.writes) + "'\n"
			}
			program := filepath.Join(dir, "go")
			if err := os.WriteFile(program, []byte(fake+"exit "+strconv.Itoa(c.code)+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			out, code := script(t, dir, "", []string{"GO=" + program}, "sh", inCI(t, "fuzz"), "p", "FuzzX")
			if code != c.want {
				t.Errorf("exit code: got %d, want %d; it said\n%s", code, c.want, out)
			}
			if told := strings.Contains(out, "nothing was found"); told != (c.code != 0 && c.want == 0) {
				t.Errorf("got\n%s\nwant %v that nothing was found", out, !told)
			}
			if !strings.Contains(out, c.says) {
				t.Errorf("got\n%s\nwant all that go test said", out)
			}
		})
	}
}

func TestCI_failures_endWithWhatFailed(t *testing.T) {
	for _, c := range []struct{ name, log, want string }{
		{"nothing", "=== RUN   TestA\n    a_test.go:3: a note\n--- PASS: TestA (0.00s)\nPASS\nok  \tp\t0.1s\n", ""},
		{
			"a test with -v, whose lines come before its end",
			"=== RUN   TestA\n{\"level\":\"INFO\"}\n    a_test.go:3: got 1, want 2\n--- FAIL: TestA (0.00s)\nFAIL\n",
			"--- FAIL: TestA (0.00s)\n    a_test.go:3: got 1, want 2\nFAIL\n",
		},
		{
			"two tests with -v, of which one fails behind the other's lines",
			"=== RUN   TestA\n=== PAUSE TestA\n=== RUN   TestB\n=== CONT  TestA\n    a_test.go:3: got 1, want 2\n=== NAME  TestB\n    b_test.go:3: a note\n" +
				"--- PASS: TestB (0.00s)\n=== NAME  TestA\n    a_test.go:4: and a log\n--- FAIL: TestA (0.00s)\n=== CONT  TestC\n    c_test.go:3: a note\n--- PASS: TestC (0.00s)\nFAIL\n",
			"--- FAIL: TestA (0.00s)\n    a_test.go:3: got 1, want 2\n    a_test.go:4: and a log\nFAIL\n",
		},
		{
			"a test without -v, whose lines come after its head",
			"--- FAIL: TestA (0.00s)\n    a_test.go:3: got 1, want 2\n{\"level\":\"INFO\"}\n--- FAIL: TestB (0.00s)\n    b_test.go:3: got 3, want 4\nFAIL\n",
			"--- FAIL: TestA (0.00s)\n    a_test.go:3: got 1, want 2\n--- FAIL: TestB (0.00s)\n    b_test.go:3: got 3, want 4\nFAIL\n",
		},
		{"what a compiler says", "# p\np/a.go:3:1: undefined: x\nFAIL\tp [build failed]\nmake: *** [test] Error 1\n", "p/a.go:3:1: undefined: x\nFAIL\tp [build failed]\nmake: *** [test] Error 1\n"},
		{"a data race", "WARNING: DATA RACE\nRead at 0x0 by goroutine 7:\n      /p/a.go:3 +0x1\n", "WARNING: DATA RACE\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, code := script(t, t.TempDir(), c.log, nil, "awk", "-f", inCI(t, "failures.awk"))
			if out != c.want || code != 0 {
				t.Errorf("got exit code %d and\n%s\nwant 0 and\n%s", code, out, c.want)
			}
		})
	}
}

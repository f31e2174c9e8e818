//go:build unix

package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// world is an authorization server, oidc-provider, and a resource server of the
// TypeScript SDK that takes its tokens: see testdata/oauth.
type world struct {
	Resource string // the address of the MCP server
	Issuer   string
	Control  string
}

// worldOptions are what a world does otherwise than usual: see
// testdata/oauth/options.mjs.
type worldOptions map[string]any

// newWorld starts a world, which ends with the test.
func newWorld(t *testing.T, options worldOptions) world {
	t.Helper()
	npmFile(t, "oidc-provider", "package.json")
	if options == nil {
		options = worldOptions{}
	}
	given, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node(t), testdata(t, "oauth", "main.mjs"), string(given))
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // It ends with its input.
		giveUp := time.AfterFunc(testkit.Patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // It has nothing to say at its end.
		giveUp.Stop()
		if t.Failed() {
			t.Logf("the authorization server: %s", stderr.Bytes())
		}
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	var w world
	if err != nil || json.Unmarshal(line, &w) != nil {
		t.Fatalf("the authorization server said %q, %v, want where it is", line, err)
	}
	return w
}

// asked is one request that the world has seen.
type asked struct {
	Route       string // "registration", "authorization", "token", "revocation", "refused", ...
	Grant       string // of a token request: its grant_type
	Status      int
	Error       string
	Resource    string
	Scope       string
	Prompt      string
	Client      string
	Application string // application_type of the client
	Method      string // of a request that the resource server refused
	Hint        string // token_type_hint of a revocation
	Held        bool
	Failed      int
}

// memory is what the world remembers.
type memory struct {
	Seen    []asked
	Secrets []string // codes, verifiers, tokens: what nobody may read anywhere
}

func (w world) memory(t *testing.T) memory {
	t.Helper()
	res, err := http.Get(w.Control)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var m memory
	if err := json.NewDecoder(res.Body).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

// seen returns what the world has seen, as far as it fits.
func (w world) seen(t *testing.T, fits func(asked) bool) []asked {
	t.Helper()
	return slices.DeleteFunc(w.memory(t).Seen, func(a asked) bool { return !fits(a) })
}

// noSecretIn fails the test if a text has a secret that the world knows.
func (w world) noSecretIn(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range w.memory(t).Secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s has the secret %q, want none:\n%s", where, secret, text)
		}
	}
}

// order has the world do something: see testdata/oauth/control.mjs.
func (w world) order(t *testing.T, what string, how map[string]any) {
	t.Helper()
	if how == nil {
		how = map[string]any{}
	}
	body, err := json.Marshal(how)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(w.Control+"/"+what, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the order %q is answered with %d, want 200", what, res.StatusCode)
	}
}

// grants fits token requests of one kind.
func grants(kind string) func(asked) bool {
	return func(a asked) bool { return a.Route == "token" && a.Grant == kind }
}

// route fits requests for one thing.
func route(name string) func(asked) bool {
	return func(a asked) bool { return a.Route == name }
}

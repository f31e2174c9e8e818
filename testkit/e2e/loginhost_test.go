//go:build unix

package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/testkit"
)

// hosted is a gateway before a server that wants a login, and a person's desk.
type hosted struct {
	world
	*testkit.Gateway

	desk *desk
	env  []string // what the gateway has more in its environment
	said *outputs // all that commands have printed
}

type outputs struct{ bytes.Buffer }

// host starts a gateway before the resource server of a new world, under the
// name "notes", with these keys of gateway.auth if there are any.
func host(t *testing.T, options worldOptions, auth map[string]any) hosted {
	t.Helper()
	return newWorld(t, options).host(t, auth)
}

func (w world) host(t *testing.T, auth map[string]any, env ...string) hosted {
	t.Helper()
	return w.hostWith(t, testkit.Servers{"notes": withAuth(w.Resource, auth)}, env...)
}

func withAuth(url string, auth map[string]any) testkit.Entry {
	entry := testkit.Entry{"url": url}
	if auth != nil {
		entry["gateway"] = map[string]any{"auth": auth}
	}
	return entry
}

func (w world) hostWith(t *testing.T, servers testkit.Servers, env ...string) hosted {
	t.Helper()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(),
		Rules:   testkit.AllowAll("agent"),
		Args:    []string{"--agent", "agent"},
		Env:     append([]string{testkit.Built(t)}, env...),
	})
	h := hosted{world: w, Gateway: g, desk: newDesk(t), env: env, said: &outputs{}}
	t.Cleanup(func() { h.checkSecrets(t) })
	return h
}

// checkSecrets looks for secrets in all that a person or a program can read.
func (h hosted) checkSecrets(t *testing.T) {
	t.Helper()
	h.noSecretIn(t, "the log", h.Log.Text())
	h.noSecretIn(t, "what the commands printed", h.said.String())
	audit, err := os.ReadFile(h.AuditFile)
	if err != nil {
		t.Error(err)
	}
	h.noSecretIn(t, "the audit log", string(audit))
}

// running is a command of the operator that runs.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  chan struct{}
	said  *outputs

	mu  sync.Mutex
	out bytes.Buffer
}

// run starts a command of the gateway in the person's surroundings.
func (h hosted) run(t *testing.T, args ...string) *running {
	t.Helper()
	cmd := exec.Command(testkit.Binary(t), args...)
	cmd.Dir = h.Dir
	cmd.Env = append([]string{
		"HOME=" + h.Dir, "GATEHOUSE_HOME=" + h.Dir, "PATH=" + h.desk.path, "DISPLAY=:1",
		"XDG_CONFIG_HOME=" + filepath.Join(h.Dir, "config"), "XDG_STATE_HOME=" + filepath.Join(h.Dir, "state"),
		"GATEWAY_MCP_CONFIG=" + h.ServersFile, "GATEWAY_RULES=" + h.RulesFile,
	}, h.env...)
	r := &running{t: t, cmd: cmd, done: make(chan struct{}), said: h.said}
	cmd.Stdout, cmd.Stderr = r, r
	var err error
	if r.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		_ = cmd.Wait() // ProcessState tells the rest.
	}()
	t.Cleanup(r.kill)
	return r
}

// Write takes what the command prints.
func (r *running) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(b)
}

// printed returns all that the command has printed.
func (r *running) printed() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

func (r *running) kill() {
	_ = r.cmd.Process.Kill() // It may have ended.
	<-r.done
}

// await waits until the command has printed something that fits, and returns its
// first group.
func (r *running) await(what string, pattern *regexp.Regexp) string {
	r.t.Helper()
	var found []string
	testkit.Eventually(r.t, what, func() bool {
		found = pattern.FindStringSubmatch(r.printed())
		select {
		case <-r.done:
			if found == nil {
				r.t.Fatalf("the command ended without %s: %s", what, r.printed())
			}
		default:
		}
		return found != nil
	})
	return found[1]
}

// says types a line.
func (r *running) says(line string) {
	r.t.Helper()
	if _, err := io.WriteString(r.stdin, line+"\n"); err != nil {
		r.t.Fatal(err)
	}
}

// hangsUp ends the command's input.
func (r *running) hangsUp() { _ = r.stdin.Close() }

// ends waits for the command's end, which must be with this exit code, and
// returns what it printed.
func (r *running) ends(code int) string {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(testkit.Patience):
		r.t.Fatalf("the command %v does not end: %s", r.cmd.Args[1:], r.printed())
	}
	r.said.WriteString(r.printed())
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		r.t.Fatalf("%v ends with %d, want %d: %s", r.cmd.Args[1:], got, code, r.printed())
	}
	return r.printed()
}

// logIn has a person log in to "notes" in a browser.
func (h hosted) logIn(t *testing.T, as string) {
	t.Helper()
	login := h.run(t, "login", "notes")
	newPerson(t, as, false).agrees(t, h.desk.opened(t, login))
	login.ends(0)
}

// agent calls tools of "notes".
func (h hosted) agent(t *testing.T) testkit.Agent {
	t.Helper()
	return testkit.Agent{ID: "agent", Caller: h.HTTPClient(t)}
}

// is fails the test unless the server serves one person's account.
func (h hosted) is(t *testing.T, account string) {
	t.Helper()
	if got := whoami(t, h.agent(t), "notes"); got != account {
		t.Errorf("the server serves %q, want %q", got, account)
	}
}

// whoami returns whose token the server was sent.
func whoami(t *testing.T, a testkit.Agent, server string) string {
	t.Helper()
	var v struct{ Account string }
	text := a.Execute(t, server, "whoami", map[string]any{}).Good(t).Text
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("whoami says %q: %v, want JSON", text, err)
	}
	return v.Account
}

// wantsLogin fails the test unless an agent's call is refused with the command
// that its person has to run, and returns the message.
func (h hosted) wantsLogin(t *testing.T) string {
	t.Helper()
	e := h.agent(t).Execute(t, "notes", "whoami", map[string]any{}).Error
	if e == nil || !strings.Contains(e.Message, "gatehouse login notes") {
		t.Fatalf("a call is answered with %+v, want an error that names the command \"gatehouse login notes\"", e)
	}
	return e.Message
}

// auth is what the status says of the login of "notes".
type auth struct {
	State, Issuer, Expires, Store, Account string
	Renews                                 bool
}

func (h hosted) auth(t *testing.T) auth {
	t.Helper()
	var v struct {
		Servers []struct {
			Name string
			Auth auth
		}
	}
	text := h.run(t, "status", "--json").ends(0)
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("cannot read the status: %v: %s", err, text)
	}
	for _, s := range v.Servers {
		if s.Name == "notes" {
			return s.Auth
		}
	}
	t.Fatalf("the status does not name notes: %s", text)
	return auth{}
}

package main

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestListenAddress(t *testing.T) {
	for text, want := range map[string]string{
		"8000": "127.0.0.1:8000", "0": "127.0.0.1:0", "127.0.0.1:8000": "127.0.0.1:8000", ":8000": ":8000", "[::1]:80": "[::1]:80", "localhost:80": "localhost:80",
	} {
		if got, err := listenAddress("--http", text); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "localhost", "127.0.0.1", "65536", "127.0.0.1:65536", "127.0.0.1:http", "http://127.0.0.1:8000", "127.0.0.1:8000/mcp", "::1", "-1"} {
		if got, err := listenAddress("--http", text); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
			t.Errorf("%q: got %q, %v, want an error that says what to write", text, got, err)
		}
	}
}

func TestListenAddress_aNumberThatIsNoPort_isToldSo(t *testing.T) {
	for _, text := range []string{"65536", "80000", "-1"} {
		if got, err := listenAddress("--http", text); err == nil || !strings.Contains(err.Error(), "a port is a number from 0 to 65535") {
			t.Errorf("%q: got %q, %v, want an error that names the ports", text, got, err)
		}
	}
}

// httpless is a gateway with no flags of the transport but args.
func httpless(t *testing.T, env []string, args ...string) testkit.Options {
	t.Helper()
	testkit.OfRunAlone(t, "it is about flags of run that attach does not have")
	return testkit.Options{Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Stdio: true, Args: args, Env: env}
}

func TestRun_flagsOfHTTP_implyIt(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, func() testkit.Options {
		o := httpless(t, nil, "--http", "0")
		o.Unclean = true
		return o
	}())
	g.Await(t, "gateway listening")
	if got := g.BaseURL(t); !strings.HasPrefix(got, "http://127.0.0.1:") {
		t.Errorf("a port alone: it listens on %s, want loopback", got)
	}
	g.Stop(t)
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"stdio and an address":     {[]string{"--transport", "stdio", "--http", "8000"}, []string{"contradicts", "--http"}},
		"stdio and a certificate":  {[]string{"--transport", "stdio", "--insecure", "--allow-origin", "https://a.example"}, []string{"--allow-origin, --insecure"}},
		"an address without port":  {[]string{"--http", "localhost"}, []string{"HOST:PORT"}},
		"a url instead of address": {[]string{"--http", "http://127.0.0.1:8000"}, []string{"not a url"}},
	} {
		code, text := startAndFail(t, httpless(t, nil, c.args...))
		if code != exitUsage {
			t.Errorf("%s: it ended with %d, want %d", name, code, exitUsage)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: nothing says %q in\n%s", name, want, text)
			}
		}
	}
}

func TestRun_addressInUse_namesWhoHasIt(t *testing.T) {
	t.Parallel()
	runtimeDir := t.TempDir()
	env := []string{"XDG_RUNTIME_DIR=" + runtimeDir}
	g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Env: env})
	socketOf(t, g)
	taken := strings.TrimPrefix(g.BaseURL(t), "http://")
	_, text := startAndFail(t, httpless(t, env, "--http", taken))
	for _, want := range []string{taken, "process id " + strconv.Itoa(g.PID()), "--http"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q in\n%s", want, text)
		}
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, text = startAndFail(t, httpless(t, env, "--http", other.Addr().String()))
	if !strings.Contains(text, "another program") || strings.Contains(text, "process id") {
		t.Errorf("of another program's port it says\n%s\nwant that another program has it, and no process id", text)
	}
}

func TestRun_boolVariables(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"1", "TRUE", "yes"} {
		g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Env: []string{"GATEWAY_DEBUG=" + value}})
		reply, err := g.Raw(t).Request(t.Context(), "tools/list", nil)
		if err != nil || !strings.Contains(string(reply.Message), "get_gateway_status") {
			t.Errorf("GATEWAY_DEBUG=%s: got %s, %v, want the tool for status", value, reply.Message, err)
		}
	}
	code, text := startAndFail(t, httpless(t, []string{"GATEWAY_DEBUG=maybe"}))
	if code != exitUsage || !strings.Contains(text, `GATEWAY_DEBUG is "maybe"`) {
		t.Errorf("it ended with %d, saying\n%s\nwant exit code %d and what is wrong with GATEWAY_DEBUG", code, text, exitUsage)
	}
}

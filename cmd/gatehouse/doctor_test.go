package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/doctor"
)

// freePort keeps doctor from the port that something else may have here.
func freePort(t *testing.T) {
	t.Helper()
	t.Setenv("GATEWAY_HTTP_ADDR", "127.0.0.1:0")
}

const somePrograms = `{"mcpServers": {"sh": {"command": "sh"}, "far": {"url": "https://192.0.2.1/mcp"}, "off": {"command": "nowhere-to-be-found", "disabled": true}}}`

func TestDoctor_whereAllIsWell_saysSoAndEndsWith0(t *testing.T) {
	home, workDir := freshHome(t)
	freePort(t)
	configFile(t, home, ".mcp.json", somePrograms)
	configFile(t, home, ".mcp-gateway-rules.json", someRules)
	r := atHome(t, "doctor").want(t, exitFine, "program", "clock", "folders", "socket", "port", "2 servers switched on", "none runs", "no other program")
	if strings.Contains(r.out, "nowhere-to-be-found") {
		t.Errorf("got\n%s\nwant nothing of a server that is off", r.out)
	}
	for _, dir := range []string{workDir, filepath.Join(home, ".local")} {
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("got %v in %s, want nothing left there", left, dir)
		}
	}
}

func TestDoctor_asJSON_hasTheSameFindings(t *testing.T) {
	freshHome(t)
	freePort(t)
	r := atHome(t, "doctor", "--json").want(t, exitNo)
	var got struct {
		OK       bool
		Findings []doctor.Finding
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || got.OK || len(got.Findings) < 8 {
		t.Fatalf("got %v, %+v, want ok false, and the findings", err, got)
	}
	for _, f := range got.Findings {
		if f.Check == "files" && (f.Level != doctor.Wrong || !strings.Contains(f.Do, "gatehouse import --write")) {
			t.Errorf("got %+v, want files to be wrong, and the way to some", f)
		}
	}
}

func TestDoctor_namesWhatIsWrong(t *testing.T) {
	const attachEntry = `{"mcpServers": {"gatehouse": {"command": "%", "args": ["attach", "--agent", "a"]}}}`
	for name, c := range map[string]struct {
		servers string
		prepare func(t *testing.T, home string)
		code    int
		want    []string
	}{
		"a command that is nowhere": {
			servers: `{"mcpServers": {"a": {"command": "nowhere-to-be-found"}}}`, code: exitNo,
			want: []string{`server a: executable "nowhere-to-be-found" not found`, "install it"},
		},
		"a command that only this shell finds": {
			servers: `{"mcpServers": {"a": {"command": "only-here"}}}`, code: exitNo, want: []string{"this shell finds it", "gatehouse attach --keep-path"},
			prepare: func(t *testing.T, home string) {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "only-here"), []byte("#!/bin/sh\n"), 0o700); err != nil {
					t.Fatal(err)
				}
				t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			},
		},
		"a variable that only this shell has": {
			servers: `{"mcpServers": {"a": {"command": "sh", "env": {"T": "${ONLY_HERE}"}}}}`, code: exitNo, want: []string{"server a: only this shell has", "ONLY_HERE", "gatehouse.env"},
			prepare: func(t *testing.T, _ string) { t.Setenv("ONLY_HERE", "s3cret-value") },
		},
		"a variable that env_pass finds in this shell": {
			servers: `{"mcpServers": {"a": {"command": "sh", "gateway": {"env_pass": ["ONLY_*"]}}}}`, code: exitNo, want: []string{"env_pass finds ONLY_HERE"},
			prepare: func(t *testing.T, _ string) { t.Setenv("ONLY_HERE", "s3cret-value") },
		},
		"the same variable in gatehouse.env": {
			servers: `{"mcpServers": {"a": {"command": "sh", "env": {"T": "${ONLY_HERE}"}}}}`, code: exitFine, want: []string{"no server depends on"},
			prepare: func(t *testing.T, home string) {
				t.Setenv("ONLY_HERE", "s3cret-value")
				configFile(t, home, "gatehouse.env", "ONLY_HERE=s3cret-value\n")
			},
		},
		"a secret in the place of a program": {
			servers: `{"mcpServers": {"a": {"command": "${ONLY_HERE}"}}}`, code: exitNo, want: []string{"server a: executable", "not found in PATH"},
			prepare: func(t *testing.T, home string) { configFile(t, home, "gatehouse.env", "ONLY_HERE=s3cret-value\n") },
		},
		"a variable that nobody has": {
			servers: `{"mcpServers": {"a": {"command": "sh", "env": {"T": "${SET_NOWHERE}"}}}}`, code: exitNo, want: []string{"SET_NOWHERE is not set", "gatehouse.env"},
		},
		"a file with a mistake": {servers: `{"mcpServers": {"a": {"command": 1}}}`, code: exitNo, want: []string{".mcp.json:1:", "do: "}},
		"a state folder of everybody": {
			servers: somePrograms, code: exitNo, want: []string{"state: ", "chmod 700"},
			prepare: func(t *testing.T, home string) {
				dir := filepath.Join(home, ".local", "state", "gatehouse")
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(dir, 0o777); err != nil {
					t.Fatal(err)
				}
			},
		},
		"a client with servers of its own": {
			servers: somePrograms, code: exitFine, want: []string{"Cursor bypasses the gateway with 1 server: mine", "gatehouse import --from cursor --write; then: gatehouse connect cursor --replace"},
			prepare: func(t *testing.T, home string) {
				homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"mine": {"command": "npx", "args": ["x"], "env": {"K": "s3cret-value"}}, "off": {"command": "y", "disabled": true}}}`)
			},
		},
		"a client that is connected": {
			servers: somePrograms, code: exitFine, want: []string{"use the gateway alone: Cursor"},
			prepare: func(t *testing.T, home string) {
				homeFile(t, home, ".cursor/mcp.json", strings.Replace(attachEntry, "%", "/bin/sh", 1))
			},
		},
		"a client whose entry starts nothing": {
			servers: somePrograms, code: exitNo, want: []string{"Cursor cannot use the gateway", "/gone/gatehouse", "gatehouse connect cursor"},
			prepare: func(t *testing.T, home string) {
				homeFile(t, home, ".cursor/mcp.json", strings.Replace(attachEntry, "%", "/gone/gatehouse", 1))
			},
		},
		"a client whose agent is in no rule": {
			servers: somePrograms, code: exitNo, want: []string{"the rules have no agent nobody"},
			prepare: func(t *testing.T, home string) {
				homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"gatehouse": {"command": "/bin/sh", "args": ["attach", "--agent", "nobody"]}}}`)
			},
		},
		"a client with a gateway of its own": {
			servers: somePrograms, code: exitFine, want: []string{"Cursor starts a gateway of its own"},
			prepare: func(t *testing.T, home string) {
				homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"gatehouse": {"command": "/bin/sh", "args": ["run"]}}}`)
			},
		},
		"a port that is taken": {
			servers: somePrograms, code: exitFine, want: []string{"in use", "gatehouse run --http 127.0.0.1:8001"},
			prepare: func(t *testing.T, _ string) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = l.Close() })
				t.Setenv("GATEWAY_HTTP_ADDR", l.Addr().String())
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			home, _ := freshHome(t)
			freePort(t)
			configFile(t, home, ".mcp.json", c.servers)
			configFile(t, home, ".mcp-gateway-rules.json", someRules)
			if c.prepare != nil {
				c.prepare(t, home)
			}
			if r := atHome(t, "doctor").want(t, c.code, c.want...); strings.Contains(r.out, "s3cret") {
				t.Errorf("got\n%s\nwant no secret in it", r.out)
			}
		})
	}
}

func TestValidate_andStart_warnOfAFileThatClientsReadToo(t *testing.T) {
	_, workDir := freshHome(t)
	putFile(t, filepath.Join(workDir, ".mcp.json"), somePrograms)
	putFile(t, filepath.Join(workDir, ".mcp-gateway-rules.json"), someRules)
	atHome(t, "validate", "--here").want(t, exitFine, "[read-by-clients]", "bypassing the gateway")
	putFile(t, filepath.Join(workDir, "servers.json"), somePrograms)
	if r := atHome(t, "validate", "--here", "--mcp-config", "servers.json").want(t, exitFine); strings.Contains(r.out, "read-by-clients") {
		t.Errorf("got\n%s\nwant no warning of a file with another name", r.out)
	}
}

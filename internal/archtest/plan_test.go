package archtest_test

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The list of packages is the one in docs/ARCHITECTURE.md: its rooms. Those
// that begin with PURE compute and do nothing else.

// room is one line of the rooms.
type room struct {
	folder  string
	purpose string
}

// rooms reads the rooms of docs/ARCHITECTURE.md.
func rooms(t *testing.T) []room {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository(t), "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(page), "\n## Rooms\n")
	_, block, opened := strings.Cut(after, "```\n")
	block, _, closed := strings.Cut(block, "```\n")
	if !found || !opened || !closed {
		t.Fatal("docs/ARCHITECTURE.md has no block of rooms")
	}
	var list []room
	for lines := bufio.NewScanner(strings.NewReader(block)); lines.Scan(); {
		folder, purpose, _ := strings.Cut(lines.Text(), " ")
		list = append(list, room{strings.TrimSuffix(folder, "/"), strings.TrimSpace(purpose)})
	}
	return list
}

// pure lists the packages that compute and do nothing else.
func pure(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, r := range rooms(t) {
		if strings.HasPrefix(r.purpose, "PURE: ") {
			list = append(list, r.folder)
		}
	}
	slices.Sort(list)
	if len(list) == 0 {
		t.Fatal("docs/ARCHITECTURE.md names no pure package")
	}
	return list
}

// vocabulary are packages that pure ones may import for their types: they keep
// state, but have no effects.
var vocabulary = []string{"internal/endpoint"}

// impure are the packages that pure ones may not import: they do something, or
// answer differently from one call to the next.
var impure = []string{
	"crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os",
	"os/exec", "os/signal", "os/user", "runtime/debug", "syscall",
}

// clockFuncs are what pure packages may not use of package time.
var clockFuncs = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// home is where an outside library may be imported, tests apart, and why.
type home struct {
	library string // an import path, or the beginning of one
	folders []string
	why     string
}

var homes = []home{
	{"github.com/asynkron", []string{"actors", "cmd", "supervisor", "testkit"}, "only actors know the actor system"},
	{"github.com/fsnotify/fsnotify", []string{"internal/filewatch"}, "it has traps; one package knows them"},
	{"github.com/go-jose", []string{"internal/identity"}, "one package decides what a signature proves"},
	{"github.com/kljensen/snowball", []string{"internal/find"}, "words are compared in one place"},
	{"golang.org/x/text", []string{"internal/find"}, "words are compared in one place"},
	{"github.com/pelletier/go-toml", []string{"internal/tomldoc"}, "our own checks run before it"},
	{"go.yaml.in/yaml", []string{"internal/yamldoc"}, "our own limits hold for what it reads"},
	{"github.com/lmittmann/tint", []string{"internal/logging"}, "logging is set up in one place"},
	{"github.com/mark3labs/mcp-go", []string{"internal/mcpedge", "testkit"}, "results must pass as raw JSON, not through its types"},
	{"github.com/prometheus", []string{"internal/ops"}, "one package says in Prometheus' words how a gateway does"},
	{"github.com/spf13", []string{"cmd"}, "the command line is cmd's"},
	{"github.com/tailscale/hujson", []string{"internal/jsondoc"}, "our own checks run before it"},
	{"github.com/zalando/go-keyring", []string{"internal/login/store"}, "one package keeps logins"},
	{"golang.org/x/oauth2", []string{"internal/login"}, "one package logs in to servers"},
	{"golang.org/x/sys", []string{"internal/attach", "internal/audit", "internal/bootclock", "internal/childproc", "internal/filewatch", "internal/login/store", "internal/ownsocket", "internal/safefile", "internal/terminal", "testkit/fleet"}, "system calls stay at the edges"},
	{"go.opentelemetry.io", []string{"internal/tracing", "testkit"}, "one package knows the SDK"},
	{"go.etcd.io", []string{"internal/fleetstore"}, "one package knows how gateways agree"},
	{"go.uber.org/zap", []string{"internal/fleetstore"}, "it is etcd's client that logs so, and it is kept quiet"},
	{"google.golang.org/grpc", []string{"internal/fleetstore", "testkit"}, "one package knows how etcd is reached"},
	{"golang.org/x/time", []string{"internal/quota"}, "one package counts what agents use"},
	{"os/exec", []string{"internal/childproc", "testkit"}, "one package owns processes, their groups and their reaping"},
	{"google.golang.org/protobuf", []string{"testkit"}, "it is for tests"},
	{"github.com/google/go-cmp", []string{"testkit"}, "it is for tests"},
	{"github.com/rogpeppe/go-internal", []string{"testkit"}, "it is for tests"},
	{"github.com/santhosh-tekuri/jsonschema", []string{"testkit"}, "it is for tests"},
	{"github.com/tiktoken-go/tokenizer", []string{"testkit"}, "it is for tests"},
	{"go.uber.org/goleak", []string{"testkit"}, "it is for tests"},
}

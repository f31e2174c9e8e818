package fleet

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// EtcdOptions are what differs from test to test; the zero value is a good one.
type EtcdOptions struct {
	// Election is the time-out after which another leader is elected; 500 ms if 0.
	Election time.Duration
	// Quota is how many bytes the store may have; etcd's default if 0.
	Quota int
	// CA, Cert and Key are files: clients speak TLS and must have a certificate of CA.
	CA, Cert, Key string
	// Client is how this package asks whether a member is ready, with TLS.
	Client *tls.Config
	// place returns where one more member runs; nil is this machine.
	place func() *place
}

// place is where a process runs.
type place struct {
	address func() string // one that nobody listens on
	command func(program string, args ...string) *exec.Cmd
}

// here is this machine.
func here(t testing.TB) *place {
	t.Helper()
	return &place{address: func() string { return testkit.FreeAddress(t) }, command: exec.Command}
}

// Etcd is a cluster of etcd of its own.
type Etcd struct {
	Members []*EtcdMember
}

// EtcdMember is one member, a process that ends with the test.
type EtcdMember struct {
	// URL is where clients reach it.
	URL string

	t       testing.TB
	name    string
	program string
	dir     string
	args    []string
	client  *http.Client
	place   *place
	cmd     *exec.Cmd
}

// StartEtcd starts so many members and waits until each is ready.
func StartEtcd(t testing.TB, members int, o EtcdOptions) *Etcd {
	t.Helper()
	program := EtcdProgram(t)
	e := &Etcd{}
	var cluster []string
	var peers []string
	for i := range members {
		m := newMember(t, program, fmt.Sprintf("m%d", i), o)
		peer := "http://" + m.place.address()
		cluster, peers = append(cluster, m.name+"="+peer), append(peers, peer)
		e.Members = append(e.Members, m)
	}
	for i, m := range e.Members {
		m.args = append(
			m.args, "--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i],
			"--initial-cluster", strings.Join(cluster, ","), "--initial-cluster-token", peers[0],
		)
		m.start()
	}
	for _, m := range e.Members {
		m.ready()
	}
	return e
}

// URLs returns where clients reach the members.
func (e *Etcd) URLs() []string {
	var all []string
	for _, m := range e.Members {
		all = append(all, m.URL)
	}
	return all
}

func newMember(t testing.TB, program, name string, o EtcdOptions) *EtcdMember {
	t.Helper()
	election := o.Election
	if election == 0 {
		election = 500 * time.Millisecond
	}
	m := &EtcdMember{t: t, name: name, program: program, dir: t.TempDir(), client: &http.Client{Timeout: patience}}
	m.place = here(t)
	if o.place != nil {
		m.place = o.place()
	}
	m.URL = "http://" + m.place.address()
	if o.Cert != "" {
		m.URL = "https" + strings.TrimPrefix(m.URL, "http")
		m.args = append(m.args, "--cert-file", o.Cert, "--key-file", o.Key, "--trusted-ca-file", o.CA, "--client-cert-auth")
		m.client.Transport = &http.Transport{TLSClientConfig: o.Client}
	}
	if o.Quota > 0 {
		m.args = append(m.args, "--quota-backend-bytes", fmt.Sprint(o.Quota))
	}
	m.args = append(
		m.args, "--name", name, "--data-dir", m.data(), "--listen-client-urls", m.URL, "--advertise-client-urls", m.URL,
		"--heartbeat-interval", fmt.Sprint((election / 5).Milliseconds()),
		"--election-timeout", fmt.Sprint(election.Milliseconds()), "--log-level", "warn", "--log-outputs", filepath.Join(m.dir, "log"),
		"--unsafe-no-fsync",
	)
	t.Cleanup(m.Kill)
	return m
}

func (m *EtcdMember) data() string { return filepath.Join(m.dir, "data") }

func (m *EtcdMember) start() {
	m.t.Helper()
	m.cmd = m.place.command(m.program, m.args...)
	m.cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "ETCD_") })
	m.cmd.SysProcAttr = ownDeath()
	if err := m.cmd.Start(); err != nil {
		m.t.Fatalf("cannot start etcd: %v", err)
	}
}

// ready waits until the member answers that it is well.
func (m *EtcdMember) ready() {
	m.t.Helper()
	end := time.Now().Add(2 * patience)
	for time.Now().Before(end) {
		if m.healthy() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
	m.t.Fatalf("etcd %s must be ready by now; the end of its log: %s", m.name, log[max(0, len(log)-2000):])
}

func (m *EtcdMember) healthy() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL+"/health", nil)
	if err != nil {
		return false
	}
	res, err := m.client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return strings.Contains(string(body), `"true"`)
}

// Kill kills the member and waits for its end. Its data stays.
func (m *EtcdMember) Kill() {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	m.cmd = nil
}

// Start starts the member again, with its data, and waits until it is ready.
func (m *EtcdMember) Start() {
	m.t.Helper()
	m.StartOnly()
	m.ready()
}

// StartOnly is Start without waiting.
func (m *EtcdMember) StartOnly() {
	m.t.Helper()
	m.Kill()
	m.start()
}

// Freeze stops the member's process; its connections stay.
func (m *EtcdMember) Freeze() { _ = m.cmd.Process.Signal(stopSignal) }

// Continue ends Freeze.
func (m *EtcdMember) Continue() { _ = m.cmd.Process.Signal(continueSignal) }

// Backup copies the member's data; it must be killed.
func (m *EtcdMember) Backup() (folder string) {
	m.t.Helper()
	folder = filepath.Join(m.t.TempDir(), "backup")
	m.copyData(m.data(), folder)
	return folder
}

// Restore replaces the member's data by those of a backup; it must be killed.
func (m *EtcdMember) Restore(folder string) {
	m.t.Helper()
	if err := os.RemoveAll(m.data()); err != nil {
		m.t.Fatal(err)
	}
	m.copyData(folder, m.data())
}

func (m *EtcdMember) copyData(from, to string) {
	m.t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		m.t.Fatalf("cannot copy the data of etcd: %v", err)
	}
	_ = os.Chmod(to, 0o700) // As etcd wants it.
}

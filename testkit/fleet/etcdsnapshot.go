package fleet

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Snapshot has the member save a snapshot, as "etcdctl snapshot save" does, and returns its
// path.
func (m *EtcdMember) Snapshot() (path string) {
	m.t.Helper()
	path = filepath.Join(m.t.TempDir(), "snapshot.db")
	file, err := os.Create(path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer file.Close()
	resp, err := m.client.Post(m.URL+"/v3/maintenance/snapshot", "application/json", strings.NewReader("{}"))
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		m.t.Fatalf("etcd says %s to a snapshot, want one", resp.Status)
	}
	for parts := json.NewDecoder(resp.Body); ; {
		var part struct {
			Result struct {
				Blob []byte `json:"blob"`
			} `json:"result"`
		}
		if err := parts.Decode(&part); errors.Is(err, io.EOF) {
			return path
		} else if err != nil {
			m.t.Fatal(err)
		}
		if _, err := file.Write(part.Result.Blob); err != nil {
			m.t.Fatal(err)
		}
	}
}

// RestoreSnapshot makes a cluster of this member alone from a snapshot, as "etcdutl
// snapshot restore" does: it has another id, and what was written since is gone. The
// member must be killed, and the only one.
func (m *EtcdMember) RestoreSnapshot(path string) {
	m.t.Helper()
	if err := os.RemoveAll(m.data()); err != nil {
		m.t.Fatal(err)
	}
	peer := m.args[slices.Index(m.args, "--initial-advertise-peer-urls")+1]
	if out, err := exec.Command(m.program, "restore", path, m.data(), m.name, peer).CombinedOutput(); err != nil {
		m.t.Fatalf("cannot restore %s: %v\n%s", path, err, out)
	}
}

package fleet

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Leader returns the member that leads. It waits until there is one.
func (e *Etcd) Leader() *EtcdMember {
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		for _, m := range e.Members {
			if m.leads() {
				return m
			}
		}
	}
	e.Members[0].t.Fatal("no member of etcd leads, want one")
	return nil
}

// leads reports whether the member says that it leads.
func (m *EtcdMember) leads() bool {
	if m.cmd == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL+"/v3/maintenance/status", strings.NewReader("{}"))
	if err != nil {
		return false
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var status struct {
		Header struct {
			Member string `json:"member_id"`
		} `json:"header"`
		Leader string `json:"leader"`
	}
	return json.NewDecoder(resp.Body).Decode(&status) == nil && status.Leader != "" && status.Leader == status.Header.Member
}

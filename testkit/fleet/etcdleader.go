package fleet

import (
	"context"
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

// Follower returns a member that does not lead. It waits until one does.
func (e *Etcd) Follower() *EtcdMember {
	leader := e.Leader()
	for _, m := range e.Members {
		if m != leader {
			return m
		}
	}
	leader.t.Fatal("etcd has one member only, want a follower")
	return nil
}

// leads reports whether the member says that it leads.
func (m *EtcdMember) leads() bool {
	if m.cmd == nil {
		return false
	}
	var status struct {
		Header struct {
			Member string `json:"member_id"`
		} `json:"header"`
		Leader string `json:"leader"`
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second) // A frozen one never answers.
	defer cancel()
	return m.post(ctx, "/v3/maintenance/status", map[string]any{}, &status) == nil && status.Leader != "" && status.Leader == status.Header.Member
}

//go:build linux

package chaos_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is how much processor time the parts of a siege have used so far.
type usage struct {
	at                                 time.Time
	gateway, servers, agents, attacker time.Duration
	idle                               float64 // of the machine, since the last usage
}

func (b *besieged) usage() usage {
	u := usage{at: time.Now(), gateway: processorTime(b.g.PID()), agents: processorTime(os.Getpid()), attacker: processorTime(b.attacker)}
	for _, p := range descendants(b.g.PID()) {
		u.servers += processorTime(p.pid)
	}
	if b.meter != nil {
		u.idle, _ = b.meter.Idle()
	}
	return u
}

// ofCalls is what the gateway has used since then for each of some calls.
func (u usage) ofCalls(then usage, calls int) time.Duration {
	return (u.gateway - then.gateway) / time.Duration(max(calls, 1))
}

// since says what has been used since then, in parts of a core.
func (u usage) since(then usage) string {
	took := u.at.Sub(then.at).Seconds()
	part := func(now, then time.Duration) float64 { return (now - then).Seconds() / took }
	return fmt.Sprintf("cores used: gateway %.2f, servers %.2f, honest agents %.2f, attacker %.2f, nobody %.0f %% of all", part(u.gateway, then.gateway),
		part(u.servers, then.servers), part(u.agents, then.agents), part(u.attacker, then.attacker), 100*u.idle)
}

// processorTime is what a process has used so far, to 10 ms; 0 if it is gone.
func processorTime(pid int) time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

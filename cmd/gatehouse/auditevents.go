package main

import (
	"cmp"
	"context"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/audit"
	"gatehouse/messages"
)

// bySocket is who acts over the operator's socket: this user, by which program
// nobody knows.
const bySocket = "operator's socket"

// auditEvent writes into the audit log what became of changed files, and whose calls
// are refused as they have ended a server.
func (a *app) auditEvent(e any) {
	if b, ok := e.(messages.CallerBlocked); ok {
		a.audit.Note(audit.Event{
			Kind: audit.Blocked, AgentID: b.Block.Agent, By: b.Block.Origin, Server: b.Server, Tool: b.Block.Tool,
			Outcome: "until " + b.Block.Until.UTC().Format(time.RFC3339), Reason: b.Block.Reason, Count: uint64(b.Block.Crashes), //nolint:gosec // A count.
		})
	}
	r, ok := e.(messages.ConfigReloaded)
	if !ok || r.Outcome == messages.Unchanged || r.Role == messages.RoleOperator || r.Trigger == "start" {
		return
	}
	force, files := a.operator.view.Load(), a.operator.files
	event := audit.Event{
		Kind: audit.Reload, File: r.File, Action: r.Trigger, Outcome: string(r.Outcome), Generation: r.Generation,
		Hash: force.Hashes[r.File], ServersHash: force.Hashes[files.servers.Path], PolicyHash: force.Hashes[files.rules.Path],
	}
	if r.Outcome == messages.Rejected {
		event.Hash = "" // Of what is in force, and not of what was refused.
		if len(r.Problems) > 0 {
			event.Reason = r.Problems[0].String()
		}
	}
	a.audit.Note(event)
}

// auditAction writes into the audit log what an operator asked for, and what became
// of it.
func (a *app) auditAction(ctx context.Context, action admin.Action, server, reason string, err error) {
	e := audit.Event{Kind: audit.Operator, Action: string(action), By: cmp.Or(admin.WhoActs(ctx), bySocket), Server: server, Reason: reason, Outcome: "ok"}
	if err != nil {
		e.Outcome, e.Reason = "failed", err.Error()
	}
	a.audit.Note(e)
}

// refused writes into the audit log that a request was not let in.
func (a *app) refused(address, reason string) {
	a.audit.Note(audit.Event{Kind: audit.Credential, Address: address, Reason: reason})
}

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/trust"
)

// auditPatience is how long a command waits for the audit log.
const auditPatience = 5 * time.Second

// auditTrust writes into the audit log which files were approved, or that a folder
// is not any more. That there can be no such line is said on errs, and no more: the
// approval itself is kept elsewhere.
func auditTrust(ctx context.Context, errs io.Writer, action, dir string, files []trust.File) {
	events := make([]audit.Event, 0, len(files)+1)
	for _, f := range files {
		events = append(events, audit.Event{Kind: audit.Trust, Action: action, By: "gatehouse trust", File: f.Path, Hash: f.SHA256, Outcome: "ok"})
	}
	if len(files) == 0 {
		events = append(events, audit.Event{Kind: audit.Trust, Action: action, By: "gatehouse trust", File: dir, Outcome: "ok"})
	}
	path, err := auditPath(runOptions{auditLog: env("GATEWAY_AUDIT_LOG", "")})
	if err == nil {
		timed, cancel := context.WithTimeout(ctx, auditPatience)
		defer cancel()
		err = audit.Write(timed, path, audit.Options{Instance: newInstance(), Version: version()}, events...)
	}
	if err != nil {
		fmt.Fprintf(errs, "warning: the audit log has no line about this: %s\n", err)
	}
}

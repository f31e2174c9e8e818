package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/safefile"
	"gatehouse/internal/trust"
)

// auditPatience is how long a command waits for the audit log.
const auditPatience = 5 * time.Second

// keepTrust writes what r says of a folder, after a line of the audit log for each
// file, or for the folder if there are none: whoever is killed in between leaves a line
// too many, and not an approval that nobody sees. If the approval cannot be kept, further
// lines say so.
func keepTrust(ctx context.Context, errs io.Writer, r trust.Record, action, dir string, files []trust.File) error {
	auditTrust(ctx, errs, action, dir, files, nil)
	err := safefile.WriteOwn(recordPath(), joinedRecord(r, dir).Encode())
	if err != nil {
		auditTrust(ctx, errs, action, dir, files, err)
	}
	return err
}

// joinedRecord is what is approved now, but of one folder what r says: somebody else may
// have approved or revoked another one since r was read, as the audit log may take seconds.
func joinedRecord(r trust.Record, dir string) trust.Record {
	now, err := readRecord()
	if err != nil {
		return r
	}
	p, approved := r.Project(dir)
	if !approved {
		return now.Without(dir)
	}
	if joined, err := now.With(p); err == nil {
		return joined
	}
	return r // Which had room for it.
}

// auditTrust writes the lines; failure is why nothing came of it. If they cannot be
// written, it only says so on errs: the approval itself is kept elsewhere.
func auditTrust(ctx context.Context, errs io.Writer, action, dir string, files []trust.File, failure error) {
	if len(files) == 0 {
		files = []trust.File{{Path: dir}}
	}
	events := make([]audit.Event, 0, len(files))
	for _, f := range files {
		e := audit.Event{Kind: audit.Trust, Action: action, By: "gatehouse trust", File: f.Path, Hash: f.SHA256, Outcome: "ok"}
		if failure != nil {
			e.Outcome, e.Reason = "failed", failure.Error()
		}
		events = append(events, e)
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

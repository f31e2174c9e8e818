package main

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/safefile"
	"gatehouse/internal/trust"
)

// auditPatience is how long a command waits for the audit log.
const auditPatience = 5 * time.Second

// keepTrust writes what becomes of a folder, after a line of the audit log for each file,
// or for the folder if there are none: whoever is killed in between leaves a line too
// many, and not an approval that nobody sees. change makes the record of the one that is
// read after those lines, as they may take seconds. If nothing is kept, further lines say
// so.
func keepTrust(ctx context.Context, errs io.Writer, action, dir string, files []trust.File, change func(trust.Record) (trust.Record, error)) error {
	auditTrust(ctx, errs, action, dir, files, nil)
	err := changeRecord(ctx, errs, change)
	if err != nil {
		auditTrust(ctx, errs, action, dir, files, err)
	}
	return err
}

// changeRecord writes what change makes of the record, which nobody else changes
// meanwhile.
func changeRecord(ctx context.Context, errs io.Writer, change func(trust.Record) (trust.Record, error)) error {
	path := recordPath()
	if path == "" {
		return errNoRecord
	}
	return locked(ctx, errs, path+".lock", "approves or revokes a folder", func() error {
		record, err := readRecord()
		if err == nil {
			record, err = change(record)
		}
		if err != nil {
			return err
		}
		return safefile.WriteOwn(path, record.Encode())
	})
}

// approval returns the change that approves p, unless somebody has approved or revoked its
// folder since this was what is approved of it.
func approval(was, p trust.Project) func(trust.Record) (trust.Record, error) {
	return func(now trust.Record) (trust.Record, error) {
		if is, _ := now.Project(p.Dir); !reflect.DeepEqual(is, was) {
			return now, fmt.Errorf("somebody has approved or revoked %s meanwhile: nothing is written; try again", line(p.Dir))
		}
		return now.With(p)
	}
}

// revocation returns the change that forgets a folder, even if somebody has just approved
// it: then that is revoked too.
func revocation(dir string) func(trust.Record) (trust.Record, error) {
	return func(now trust.Record) (trust.Record, error) { return now.Without(dir), nil }
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

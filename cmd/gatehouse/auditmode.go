package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"gatehouse/internal/audit"
)

// begin returns the function that writes a line before each call is sent; nil
// if there is to be none.
func (a *app) begin() func(context.Context, audit.Record) error {
	if a.opts.auditMode != auditStrict {
		return nil
	}
	return a.audit.Begin
}

// checkAuditOut finds where --audit-otlp sends lines, or what is wrong with that or
// with --audit-out.
func (o *runOptions) checkAuditOut() error {
	if o.auditOTLP {
		if o.auditOut != "" {
			return errors.New("--audit-otlp and --audit-out both say where lines go: give one of them")
		}
		out, err := audit.OTLPOutlet()
		if err != nil {
			return fmt.Errorf("--audit-otlp: %w", err)
		}
		o.auditOut = out
	}
	if _, err := audit.ParseOutlet(o.auditOut); err != nil {
		return fmt.Errorf("--audit-out is %w", err)
	}
	return nil
}

// openAudit opens the audit log as the flags, which check has found to be good, have it.
func (o *runOptions) openAudit(path, instance, node string, log *slog.Logger) (*audit.Log, error) {
	keep, err := o.auditKeep.duration()
	if err != nil {
		return nil, err
	}
	out, err := audit.ParseOutlet(o.auditOut)
	if err != nil {
		return nil, err
	}
	return audit.Open(path, audit.Options{Instance: instance, Node: node, Version: version(), Log: log, Keep: keep, Outlet: out})
}

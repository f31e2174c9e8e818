package main

import (
	"context"

	"gatehouse/internal/audit"
)

// begin is what writes a line before each call is sent; nil if none is to be.
func (a *app) begin() func(context.Context, audit.Record) error {
	if a.opts.auditMode != auditStrict {
		return nil
	}
	return a.audit.Begin
}

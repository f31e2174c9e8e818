package server

import (
	"cmp"
	"errors"
	"io/fs"
	"os"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// makeOwnFolder makes the folder of a server whose entry names no cwd. It is the
// user's alone. A cwd of the entry must be there already: it is not the gateway's.
func makeOwnFolder(plan messages.ServerPlan) error {
	if plan.Entry.Cwd != "" || plan.Spec.Cwd == "" {
		return nil
	}
	err := os.MkdirAll(plan.Spec.Cwd, 0o700)
	if err == nil {
		return nil
	}
	path, why := plan.Spec.Cwd, err
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		path, why = cmp.Or(e.Path, path), e.Err
	}
	return &endpoint.Exit{Phase: endpoint.CannotStart, Reason: plan.Redact.String(
		"cannot make the server's own folder (" + path + ": " + why.Error() + `); let the gateway's user write there, or set "cwd" in the entry`)}
}

package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
)

// serverPath is where each server is over HTTP, as it is.
const serverPath = "/servers/{server}" + mcpPath

// The values of --surface. A server's name follows the prefix.
const (
	surfaceGate   = "gate"
	surfaceServer = "server:"
)

// checkSurface finds what is wrong with --surface.
func (o *runOptions) checkSurface() error {
	name, isServer := strings.CutPrefix(o.surface, surfaceServer)
	switch {
	case o.surface != surfaceGate && (!isServer || name == ""):
		return fmt.Errorf("--surface is %q: use gate, or server:NAME for one server as it is", o.surface)
	case o.surface != surfaceGate && o.transport == "http":
		return errors.New("--surface is for stdio: over HTTP the gate is at " + mcpPath + " and each server at /servers/NAME" + mcpPath)
	}
	return nil
}

// shownOverStdio is what the agent at stdin sees; nil is the gate.
func (a *app) shownOverStdio() agents.Surface {
	if name, isServer := strings.CutPrefix(a.opts.surface, surfaceServer); isServer {
		return a.surfaces().One(name)
	}
	return nil
}

func (a *app) surfaces() surface.Gateway {
	return surface.Gateway{Router: a.router, Version: version()}
}

// serverOf is the server that a request is meant for.
func (a *app) serverOf(r *http.Request) agents.Surface {
	return a.surfaces().One(r.PathValue("server"))
}

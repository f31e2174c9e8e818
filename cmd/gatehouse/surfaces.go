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
	if o.surface != surfaceGate && o.transport != "stdio" {
		return errors.New("--surface is for stdio: over HTTP the gate is at " + mcpPath + " and each server at /servers/NAME" + mcpPath +
			", and attach has a --surface of its own")
	}
	return checkSurface(o.surface)
}

// checkSurface finds what is wrong with the name of a surface.
func checkSurface(surface string) error {
	if name, isServer := strings.CutPrefix(surface, surfaceServer); surface != surfaceGate && (!isServer || name == "") {
		return fmt.Errorf("--surface is %q: use gate, or server:NAME for one server as it is", surface)
	}
	return nil
}

// shownAt is what an agent over stdio sees; nil is the gate.
func (a *app) shownAt(surface string) agents.Surface {
	if name, isServer := strings.CutPrefix(surface, surfaceServer); isServer {
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

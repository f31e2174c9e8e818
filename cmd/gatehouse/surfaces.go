package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
)

// allPath is where all servers are over HTTP, beside each other.
const allPath = "/all" + mcpPath

// serverPath is where each server is over HTTP, as it is.
const serverPath = "/servers/{server}" + mcpPath

// The values of --surface. A server's name follows the prefix.
const (
	surfaceGate   = "gate"
	surfaceAll    = "all"
	surfaceServer = "server:"
)

// checkSurface finds what is wrong with --surface.
func (o *runOptions) checkSurface() error {
	if o.surface != surfaceGate && o.transport != "stdio" {
		return errors.New("--surface is for stdio: over HTTP the gate is at " + mcpPath + ", all at " + allPath + " and each server at /servers/NAME" + mcpPath +
			", and attach has a --surface of its own")
	}
	return checkSurface(o.surface)
}

// checkSurface finds what is wrong with the name of a surface.
func checkSurface(surface string) error {
	if name, isServer := strings.CutPrefix(surface, surfaceServer); surface != surfaceGate && surface != surfaceAll && (!isServer || name == "") {
		return fmt.Errorf("--surface is %q: use gate, all, or server:NAME for one server as it is", surface)
	}
	return nil
}

// shownAt is what an agent over stdio sees; nil is the gate.
func (a *app) shownAt(surface string) agents.Surface {
	if name, isServer := strings.CutPrefix(surface, surfaceServer); isServer {
		return a.surfaces().One(name)
	}
	if surface == surfaceAll {
		return a.surfaces().All()
	}
	return nil
}

func (a *app) surfaces() surface.Gateway {
	return surface.Gateway{Router: a.router, Version: version(), Tasks: a.tasks}
}

// surfaceRoutes serves the surfaces beside the gate.
func (a *app) surfaceRoutes(mux *http.ServeMux) { a.routeSurfaces(mux, a.edge.HandlerAt) }

// routeSurfaces has handlers made by at serve the surfaces at their paths.
func (a *app) routeSurfaces(mux *http.ServeMux, at func(surfaceOf func(*http.Request) agents.Surface, path string) http.Handler) {
	for path, surfaceOf := range map[string]func(*http.Request) agents.Surface{
		serverPath: a.serverOf,
		allPath:    func(*http.Request) agents.Surface { return a.surfaces().All() },
	} {
		handler := at(surfaceOf, mcpPath)
		mux.Handle(path, handler)
		mux.Handle(path+"/{$}", handler)
	}
}

// serverOf is the server that a request is meant for.
func (a *app) serverOf(r *http.Request) agents.Surface {
	return a.surfaces().One(r.PathValue("server"))
}

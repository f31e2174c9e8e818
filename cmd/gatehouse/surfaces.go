package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"gatehouse/internal/front/surface"
	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/suggest"
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

// maxOffered is how many servers are named to whoever asks for one that is not there.
const maxOffered = 20

// missing says why an agent over stdio, the first of pins, gets nothing from a surface;
// empty if it may get something. It does not say whether a server is there that the
// agent may not use.
func (a *app) missing(surface string, pins []string) string {
	if surface == surfaceGate {
		return ""
	}
	seen, ok := a.router.Seen(agents.Caller{Identity: identity.Own(pins)})
	if !ok {
		return "no agent is known there: name it with --agent"
	}
	name, isServer := strings.CutPrefix(surface, surfaceServer)
	if !isServer || seen.Offers(name) {
		return ""
	}
	offered := slices.DeleteFunc(slices.Clone(seen.Snapshot.Names()), func(n string) bool { return !seen.Offers(n) })
	return missingServer(name, seen.Agent, offered) + "; a reload may bring it"
}

// missingServer says that an agent may not use a server of this name, but others.
func missingServer(name, agent string, others []string) string {
	near := suggest.ByDistance(name, others)
	near = near[:min(len(near), maxOffered)]
	return fmt.Sprintf("there is no server %q that agent %q may use (it may use %s)", name, agent, cmp.Or(strings.Join(near, ", "), "no server"))
}

// warnMissing warns of a surface that has nothing for the client.
func (a *app) warnMissing() {
	if why := a.missing(a.opts.surface, a.opts.agents); why != "" {
		a.log.Warn("the surface has nothing for the client", slog.String("surface", a.opts.surface), slog.String("reason", why))
	}
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

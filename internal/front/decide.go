package front

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/suggest"
)

// identify says as which agent the call is decided on this snapshot, and
// notes it in the audit record.
func (f *Front) identify(c *call, snap *snapshot.Snapshot) (string, *failure) {
	c.note(snap)
	pinned, fail := f.pin(c, snap)
	if fail != nil {
		return "", fail
	}
	id, err := snap.Policy.ResolveAgent(c.args.agentID, c.args.hasAgentID, pinned, f.cfg.DefaultAgent)
	if err != nil {
		return "", &failure{Code: string(err.Code), Message: err.Message}
	}
	c.record.AgentID = id.Agent
	return id.Agent, nil
}

// pin says which agents the caller may be; nil is no pin. A call that had to
// wait is asked again here: its credential may have been removed meanwhile.
func (f *Front) pin(c *call, snap *snapshot.Snapshot) ([]string, *failure) {
	agents, ok := snap.Credentials.Recheck(c.caller.Identity, time.Now())
	pinned := identity.Both(agents, f.cfg.Pinned)
	if !ok || pinned != nil && len(pinned) == 0 {
		return nil, &failure{
			Code:    string(policy.InvalidAgentID),
			Message: "The credential of this connection is no longer accepted; not run. Tell the user.",
		}
	}
	return pinned, nil
}

// permit decides about a server and, if tool is not empty, a tool of it. The
// answer depends on the rules, the agent and the names alone: whether such a
// server or tool exists plays no part.
func (f *Front) permit(c *call, snap *snapshot.Snapshot, agent, server, tool string) *failure {
	d := snap.Policy.Decide(agent, server, tool)
	c.record.Step, c.record.Rule = d.Step.String(), d.Path()
	if d.Allow {
		return nil
	}
	fail := &failure{Code: codeDenied, Rule: d.Path(), Server: shown(server), Tool: shown(tool)}
	mayUseServer := tool != "" && snap.Policy.Decide(agent, server, "").Allow
	if mayUseServer {
		fail.Available = f.nearestTools(snap, agent, server, tool)
		fail.Message = fmt.Sprintf("No tool %q on %q that you may use. %s", shown(tool), shown(server),
			choose(fail.Available))
		return fail
	}
	fail.Available = nearest(server, permittedServers(snap, agent))
	fail.Message = fmt.Sprintf("No server %q that you may use. %s", shown(server),
		choose(fail.Available))
	return fail
}

// route finds the server of an allowed name.
func (f *Front) route(snap *snapshot.Snapshot, agent, server string) (*snapshot.Route, *failure) {
	r, ok := snap.Route(server)
	if ok {
		return r, nil
	}
	fail := &failure{Code: codeServerNotFound, Server: shown(server), Available: nearest(server, permittedServers(snap, agent))}
	fail.Message = fmt.Sprintf("There is no server %q. %s", shown(server),
		choose(fail.Available))
	return nil, fail
}

// choose words a list of names and what to do with it.
func choose(names []string) string {
	if len(names) == 0 {
		return "There is none that you may use. Tell the user."
	}
	return "You may use: " + strings.Join(names, ", ") + ". Correct the name; if none fits, tell the user."
}

func permittedServers(snap *snapshot.Snapshot, agent string) []string {
	var names []string
	for _, name := range snap.Names() {
		if snap.Policy.Decide(agent, name, "").Allow {
			names = append(names, name)
		}
	}
	return names
}

// permittedTools names the tools in a server's catalog that the agent may use,
// in the server's order.
func permittedTools(p *policy.Policy, agent, server string, catalog *endpoint.Catalog) []string {
	names := make([]string, 0, len(catalog.Tools))
	for _, t := range catalog.Tools {
		if p.Decide(agent, server, t.Name).Allow {
			names = append(names, t.Name)
		}
	}
	return names
}

// nearestTools names the tools that the agent may use, nearest to name first.
func (f *Front) nearestTools(snap *snapshot.Snapshot, agent, server, name string) []string {
	r, ok := snap.Route(server)
	if !ok {
		return []string{}
	}
	return nearest(name, permittedTools(snap.Policy, agent, server, r.Cell.Catalog()))
}

// maxAvailable is how many names a refusal offers.
const maxAvailable = 20

// nearest sorts names by their distance to word and keeps the first few.
func nearest(word string, names []string) []string {
	sorted := suggest.ByDistance(word, names)
	return append([]string{}, sorted[:min(len(sorted), maxAvailable)]...)
}

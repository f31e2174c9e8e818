package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/safefile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/suggest"
)

// checkAgent refuses an agent that the rules do not have: "gatehouse attach" would.
func (o *connectOptions) checkAgent(c *clients.Client) (*policy.Policy, error) {
	path := ownPaths().Rules
	text, err := optional(safefile.Read(path, clients.MaxFileBytes))
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, fmt.Errorf("there are no rules yet (%s): \"gatehouse import --write\" takes over what programs have, \"gatehouse init\" writes templates", path)
	}
	rules, problems := rulesfile.ParseRules(path, text)
	for _, p := range problems {
		if p.Severity == "error" {
			return nil, fmt.Errorf("%s: fix it first (\"gatehouse validate\" reports every problem)", p)
		}
	}
	decider := policy.Compile(rules)
	if !decider.HasAgent(o.agent) {
		return nil, o.noAgent(c, path, decider.Agents())
	}
	return decider, nil
}

// noAgent says how there can be an agent: of what the program has, or else by a rule.
func (o *connectOptions) noAgent(c *clients.Client, rules string, agents []string) error {
	made := importMakes(c)
	if o.agent == c.ID && made == makesNone {
		return fmt.Errorf("the rules have no agent %q, and %s has no servers to make one of: write into \"agents\" of %s what it may use, such as\n  %s%s",
			o.agent, c.Title, rules, `"`+o.agent+`": {"allow": {"servers": ["NAME"]}}`, orOneOf(o.agent, agents))
	}
	if o.agent == c.ID && made == makesConflict {
		return fmt.Errorf("the rules have no agent %q, and the servers of %s are in conflict with others of their names: \"gatehouse import --from %s\" shows how they differ%s",
			o.agent, c.Title, c.ID, orOneOf(o.agent, agents))
	}
	return fmt.Errorf("the rules have no agent %q: \"gatehouse import --from %s --write\" makes the agent %s of what the program has now%s",
		o.agent, c.ID, c.ID, orOneOf(o.agent, agents))
}

// makes is what an import would make of what a program has.
type makes string

const (
	makesAgent    makes = "agent"
	makesConflict makes = "conflict" // nothing, until somebody has decided it
	makesNone     makes = "none"
)

// importMakes reports what an import of a program's files would make. What cannot be read
// could be anything: import says what is wrong with it.
func importMakes(c *clients.Client) makes {
	read, err := readClients(c.ID)
	if err != nil {
		return makesNone
	}
	if slices.ContainsFunc(read.files, func(f readFileOf) bool { return f.Problem != "" }) {
		return makesAgent
	}
	own, err := readOwnTexts()
	if err != nil {
		return makesAgent
	}
	plan, err := adopt.Make(own.paths, own.before, read.found, nil)
	switch {
	case err != nil || plan.Grants(c.ID):
		return makesAgent
	case len(plan.Clashes) > 0:
		return makesConflict
	}
	return makesNone
}

// orOneOf names the agents that --agent may name instead, the nearest first.
func orOneOf(agent string, agents []string) string {
	if len(agents) == 0 {
		return ""
	}
	near := suggest.ByDistance(agent, agents)
	return "; or name one that they have with --agent: " + strings.Join(near[:min(len(near), maxOffered)], ", ")
}

// checkServer refuses the surface of a server that the gateway does not have, or that
// the agent may not use: the program would get errors only.
func (o *connectOptions) checkServer(decider *policy.Policy) error {
	if o.surface != "" {
		if err := checkSurface(o.surface); err != nil {
			return err
		}
	}
	name, isServer := strings.CutPrefix(o.surface, surfaceServer)
	if !isServer {
		return nil
	}
	path := ownPaths().Servers
	text, err := optional(safefile.Read(path, clients.MaxFileBytes))
	if err != nil {
		return err
	}
	if text == nil {
		return fmt.Errorf("there are no servers yet (%s): \"gatehouse import --write\" takes over what programs have, \"gatehouse init\" writes templates", path)
	}
	file, problems := serversfile.Parse(path, text)
	if jsondoc.HasErrors(problems) {
		return fmt.Errorf("%s has %s; \"gatehouse validate\" says which", path, count(problems, jsondoc.Error))
	}
	var offered []string
	for _, e := range file.Entries {
		if !e.Disabled && decider.Decide(o.agent, e.Name, "").Allow {
			offered = append(offered, e.Name)
		}
	}
	if !slices.Contains(offered, name) {
		return errors.New(missingServer(name, o.agent, offered))
	}
	return nil
}

package main

import (
	"path/filepath"
	"slices"

	"gatehouse/internal/childproc"
	"gatehouse/internal/clients"
	"gatehouse/internal/doctor"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/safefile"
)

// clientFacts are about the programs of this user that have MCP servers.
func clientFacts() []doctor.Client {
	all, err := readClients("")
	if err != nil {
		return nil
	}
	rules := attachedRules()
	var list []doctor.Client
	for _, client := range clients.All() {
		if client.Agentless {
			continue // A gateway's file, not a client's.
		}
		c := doctor.Client{ID: client.ID, Title: client.Title, Connectable: client.CanConnect()}
		for _, f := range all.files {
			if f.Client == client.ID {
				c.File = f.Path
				if f.Problem != "" {
					c.Problem = f.Problem
					break
				}
			}
		}
		for _, found := range all.found {
			if found.Client == client {
				serversOf(&c, found.Servers, rules)
			}
		}
		if c.File != "" {
			list = append(list, c)
		}
	}
	return list
}

// serversOf sorts the servers that a client starts: gatehouse itself, and its own.
func serversOf(c *doctor.Client, servers []*clients.Server, rules *policy.Policy) {
	for _, s := range servers {
		switch {
		case s.Off || s.Kept:
		case s.Itself:
			c.File = s.Pos.File
			lookAtEntry(c, s, rules)
		case !slices.Contains(c.Own, s.Name):
			c.File = s.Pos.File
			c.Own = append(c.Own, s.Name)
		}
	}
}

// lookAtEntry looks at a client's entry of gatehouse.
func lookAtEntry(c *doctor.Client, s *clients.Server, rules *policy.Policy) {
	var args []string
	for _, a := range s.Args {
		text, _ := a.Plain()
		args = append(args, text)
	}
	c.Attached = c.Attached || s.URL != nil || slices.Contains(args, "attach")
	c.Runs = c.Runs || !c.Attached
	if command, plain := s.Command.Plain(); plain && command != "" {
		if _, err := childproc.LookPath(command, desktopEnvironment(nobodysEnvironment()), filepath.Dir(s.Pos.File)); err != nil {
			c.Broken = err.Error()
		}
	}
	i := slices.Index(args, "--agent")
	if rules == nil || i < 0 || i+1 >= len(args) || slices.Contains(args, "--config") || slices.Contains(args, "--rules") || slices.Contains(args, "--url") {
		return
	}
	if agent := args[i+1]; !rules.HasAgent(agent) {
		c.Broken = "the rules have no agent " + line(agent)
	}
}

// attachedRules are the rules that attach uses without flags; nil if they cannot
// be read.
func attachedRules() *policy.Policy {
	path := sharedFiles().Rules
	text, err := safefile.Read(path, clients.MaxFileBytes)
	if err != nil {
		return nil
	}
	rules, _ := rulesfile.ParseRules(path, text)
	return policy.Compile(rules)
}

package main

import (
	"slices"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/policy"
	"gatehouse/internal/safefile"
)

// leftIn are servers that stay in the file of a program, for one reason.
type leftIn struct {
	why     string
	servers []string
}

// inGateway are the servers of a file that the gateway has, and that the agent may
// use. left are all others.
func (o *connectOptions) inGateway(c *clients.Client, path string, src []byte, decider *policy.Policy) (names []string, left []leftIn, err error) {
	own, err := readOwnTexts()
	if err != nil {
		return nil, nil, err
	}
	found := c.Read([]clients.Source{{File: clients.File{Path: path}, Data: src}}, func(path string) ([]byte, error) {
		return safefile.Read(path, maxEnvFile)
	})
	plan, err := adopt.Make(own.paths, own.before, []clients.Found{found}, nil)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range plan.Rows {
		why := o.whyLeft(c, r, decider)
		if why == "" {
			if !slices.Contains(names, r.Written) {
				names = append(names, r.Written)
			}
			continue
		}
		i := slices.IndexFunc(left, func(l leftIn) bool { return l.why == why })
		if i < 0 {
			i, left = len(left), append(left, leftIn{why: why})
		}
		left[i].servers = append(left[i].servers, r.Written)
	}
	return names, left, nil
}

// whyLeft says why a server stays in the file; empty if it need not.
func (o *connectOptions) whyLeft(c *clients.Client, r adopt.Row, decider *policy.Policy) string {
	switch {
	case r.State == adopt.Conflict:
		return "the gateway has another one of that name: rename or remove it here"
	case r.State == adopt.LeftOut:
		return "the gateway cannot take it over (\"gatehouse import\" says why)"
	case r.State != adopt.Same:
		return "the gateway does not have it (\"gatehouse import --from " + c.ID + " --write\" takes it over)"
	case !decider.Decide(o.agent, r.Server, "").Allow:
		return "agent " + o.agent + " may not use it"
	}
	return ""
}

// addUneditable adds to what is left the servers that would be behind the gateway, and are
// still in the file.
func (o *connectOptions) addUneditable(e *entry, decider *policy.Policy) error {
	still, _, err := o.inGateway(e.client, e.path, e.after, decider)
	if len(still) > 0 {
		e.left = append(e.left, leftIn{uneditable, still})
	}
	return err
}

const uneditable = "it is written in a form, or a place, that cannot be edited by line: remove it yourself"

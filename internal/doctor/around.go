package doctor

import (
	"strconv"

	"gatehouse/internal/plural"
)

func gateways(f Facts) []Finding {
	var found []Finding
	for _, g := range f.Gateways {
		found = append(found, g.judge(f.Program.Version, len(f.Gateways) > 1)...)
	}
	return or(found, fine("none runs: \"gatehouse attach\" starts one with the first client"))
}

func (g Gateway) judge(version string, several bool) []Finding {
	text := "process " + digits(g.PID) + ", version " + g.Version + ", reached by " + g.Reached
	if g.Args != "" {
		text += ", started with: " + g.Args
	}
	found := []Finding{fine("%s", text)}
	if g.Version != version {
		do := "start it again with this program"
		if g.Background {
			do = "gatehouse restart --gateway" + g.which(several)
		}
		found[0] = warning(do, "%s; this program is version %s", text, version)
	}
	if !g.SameFiles {
		found = append(found, warning("if that is not meant: start it with these files, or name them with --config, --mcp-config and --rules",
			"process %d uses other files: %s, %s", g.PID, g.Servers, g.Rules))
	}
	if g.Unreadable != "" {
		found = append(found, wrong("fix the file: gatehouse validate", "the rules in force cannot be read again: %s", g.Unreadable))
	}
	for _, file := range g.Rejected {
		found = append(found, wrong("fix the file (gatehouse validate): until then the content before it is in force", "the last change was refused of %s", file))
	}
	return found
}

// which names the gateway to commands where there are several.
func (g Gateway) which(several bool) string {
	if several {
		return " --pid " + digits(g.PID)
	}
	return ""
}

func digits(n int) string { return strconv.Itoa(n) }

func servers(f Facts) []Finding {
	if len(f.Gateways) == 0 {
		return nil
	}
	var found []Finding
	n := 0
	for _, g := range f.Gateways {
		for _, s := range g.States {
			n++
			if s.Failing {
				text := "server " + s.Name + " is " + s.State
				if s.Reason != "" {
					text += ": " + s.Reason
				}
				found = append(found, wrong(s.Do+g.which(len(f.Gateways) > 1), "%s", text))
			}
		}
	}
	return or(found, fine("none of %s fails", plural.Of(n, "server")))
}

func clients(f Facts) []Finding {
	var found []Finding
	var connected []string
	for _, c := range f.Clients {
		judged := c.judge()
		found = append(found, judged...)
		if len(judged) == 0 && c.Attached {
			connected = append(connected, c.Title)
		}
	}
	if len(connected) > 0 {
		found = append(found, fine("use the gateway alone: %s", named(connected)))
	}
	return or(found, fine("no other program has MCP servers; \"gatehouse connect PROGRAM\" adds the gateway to one"))
}

func (c Client) judge() []Finding {
	var found []Finding
	switch {
	case c.Problem != "":
		found = append(found, warning("fix the file: the program cannot read it either", "%s: %s: %s", c.Title, c.File, c.Problem))
	case c.Broken != "":
		found = append(found, wrong(c.connect(), "%s cannot use the gateway: %s", c.Title, c.Broken))
	case c.Runs && !c.Attached:
		found = append(found, warning(c.connect(), "%s starts a gateway of its own, with all its servers once more", c.Title))
	}
	if len(c.Own) > 0 {
		do := "gatehouse import --from " + c.ID + " --write"
		if c.Connectable {
			do += "; then: gatehouse connect " + c.ID + " --replace"
		}
		found = append(found, warning(do, "%s bypasses the gateway with %s: %s (%s)", c.Title, plural.Of(len(c.Own), "server"), named(c.Own), c.File))
	}
	return found
}

func (c Client) connect() string {
	if c.Connectable {
		return "gatehouse connect " + c.ID
	}
	return "correct its entry in " + c.File + ": \"gatehouse attach\""
}

package policy

// Words are what the rules file has to say to agents, for their models. They
// decide nothing.
type Words struct {
	// General is defaults.instructions.
	General string
	// Own is the agent's own instructions.
	Own string
}

// Words returns what the rules file says to an agent; "" stands for one that is
// not known.
func (p *Policy) Words(agent string) Words {
	return Words{General: p.general, Own: p.own[agent]}
}

// compileWords keeps what the rules say to agents.
func (p *Policy) compileWords(r Rules) {
	p.general = r.Instructions
	for _, a := range r.Agents {
		if a.Instructions == "" {
			continue
		}
		if p.own == nil {
			p.own = map[string]string{}
		}
		p.own[a.ID] = a.Instructions
	}
}

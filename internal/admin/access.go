package admin

// AccessQuery asks who may use what: of the agents and servers whose names hold
// these texts, in any letter case.
type AccessQuery struct{ Agent, Server string }

// Access is a part of the matrix of agents and servers.
type Access struct {
	Agents, Servers []string // sorted
	// Cells are by agent, then by server.
	Cells [][]Reach
	// MoreAgents and MoreServers is how many fit the query besides.
	MoreAgents, MoreServers int
}

// Reach is what one agent may use of one server.
type Reach struct {
	Allow bool
	// Tools is how many of the server's tools, Of, it may use; Known is false until
	// the server has listed them once.
	Tools, Of int
	Known     bool
}

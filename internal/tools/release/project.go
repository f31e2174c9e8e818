package main

// What packages say of the project.
const (
	summary     = "An MCP gateway: many servers behind four tools, rules, hot reload, supervision"
	description = "gatehouse stands between AI agents (MCP clients) and many MCP servers. It shows\n" +
		"agents four small tools, decides by rules which agent may use what, reloads its\n" +
		"files while it runs, and restarts servers that crash."
	license    = "Apache-2.0"
	maintainer = "The gatehouse authors <gatehouse@localhost>"
)

package main

import (
	"regexp"
	"strings"
)

// forPeople words what the gateway tells a model for whoever has typed a command:
// they are the user, and name the agent by a flag.
func forPeople(text string) string {
	for _, r := range rewordings {
		text = r.said.ReplaceAllString(text, r.say)
	}
	return strings.TrimSpace(text)
}

// rewording is something that is said to models, and what people are told in its
// place.
type rewording struct {
	said *regexp.Regexp
	say  string
}

var rewordings = []rewording{
	{regexp.MustCompile(`Set agent_id if your instructions give you one; else tell the user to (.*? or )(?:to )?(.*?)\.`), "Name an agent with --agent, or $1$2."},
	{regexp.MustCompile(`Set agent_id to the agent name that your instructions give you(?:; if they give none, ask the user for it)?\.`), "Name an agent with --agent."},
	{regexp.MustCompile(` If they give none, leave agent_id out\.`), ""},
	{regexp.MustCompile(`agent_id is required here and was missing\.`), "An agent must be named."},
	{regexp.MustCompile(`agent_id was missing`), "no agent was named"},
	{regexp.MustCompile(`as agent_id, or leave agent_id out`), "with --agent, or leave it out"},
	{regexp.MustCompile(`If the tool takes the answer as a parameter, ask the user and put it inside args; else tell the user\.`), "If the tool takes the answer as a parameter, put it into its arguments."},
	{regexp.MustCompile(`Use the agent name that your instructions give you\.`), "Name another with --agent."},
	{regexp.MustCompile(`, at most twice, then tell the user`), ""},
	{regexp.MustCompile(` ?Don't try again: tell the user\.`), ""},
	{regexp.MustCompile(`(?:;| and) (?:if none fits, |else |then )?tell the user\.`), "."},
	{regexp.MustCompile(`, (?:and )?tell the user\.`), "."},
	{regexp.MustCompile(` ?Tell the user\.`), ""},
	{regexp.MustCompile(`: tell the user\.`), "."},
	{regexp.MustCompile(`(?:, or|,? and)? ?[Tt]ell the user(?:; )?`), ""},
	{regexp.MustCompile(`; if none fits, call (?:get_server_tools|list_servers|%s): `), "; "},
	{regexp.MustCompile(` Call (?:get_server_tools|list_servers|%s) to see (?:them|which you may use)\.`), ` "gatehouse tools" shows them.`},
	{regexp.MustCompile(`\btimeout_ms\b`), "--timeout"},
	{regexp.MustCompile(`\bagent_id\b`), "--agent"},
	{regexp.MustCompile(`\bexecute_tool\b`), "call"},
}

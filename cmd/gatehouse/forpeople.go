package main

import (
	"regexp"
	"strings"

	"gatehouse/internal/lazyregexp"
)

// forPeople words what the gateway tells a model for whoever has typed a command:
// they are the user, and name the agent by a flag.
func forPeople(text string) string {
	for _, r := range rewordings {
		text = r.said().ReplaceAllString(text, r.say)
	}
	return strings.TrimSpace(text)
}

// rewording is something that is said to models, and what people are told in its
// place.
type rewording struct {
	said func() *regexp.Regexp
	say  string
}

var rewordings = []rewording{
	{lazyregexp.New(`Set agent_id if your instructions give you one; else tell the user to (.*? or )(?:to )?(.*?)\.`), "Name an agent with --agent, or $1$2."},
	{lazyregexp.New(`Set agent_id to the agent name that your instructions give you(?:; if they give none, ask the user for it)?\.`), "Name an agent with --agent."},
	{lazyregexp.New(` If they give none, leave agent_id out\.`), ""},
	{lazyregexp.New(`agent_id is required here and was missing\.`), "An agent must be named."},
	{lazyregexp.New(`agent_id was missing`), "no agent was named"},
	{lazyregexp.New(`as agent_id, or leave agent_id out`), "with --agent, or leave it out"},
	{lazyregexp.New(`If the tool takes the answer as a parameter, ask the user and put it inside args; else tell the user\.`), "If the tool takes the answer as a parameter, put it into its arguments."},
	{lazyregexp.New(`Use the agent name that your instructions give you\.`), "Name another with --agent."},
	{lazyregexp.New(`, at most twice, then tell the user`), ""},
	{lazyregexp.New(` ?Don't try again: tell the user\.`), ""},
	{lazyregexp.New(`(?:;| and) (?:if none fits, |else |then )?tell the user\.`), "."},
	{lazyregexp.New(`, (?:and )?tell the user\.`), "."},
	{lazyregexp.New(` ?Tell the user\.`), ""},
	{lazyregexp.New(`: tell the user\.`), "."},
	{lazyregexp.New(`(?:, or|,? and)? ?[Tt]ell the user(?:; )?`), ""},
	{lazyregexp.New(`; if none fits, call (?:get_server_tools|list_servers|%s): `), "; "},
	{lazyregexp.New(` Call (?:get_server_tools|list_servers|%s) to see (?:them|which you may use)\.`), ` "gatehouse tools" shows them.`},
	{lazyregexp.New(`\btimeout_ms\b`), "--timeout"},
	{lazyregexp.New(`\bagent_id\b`), "--agent"},
	{lazyregexp.New(`\bexecute_tool\b`), "call"},
}

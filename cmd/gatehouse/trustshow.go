package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/trust"
	"gatehouse/internal/vars"
)

// showProject says what the files of a project would run and who may do what,
// in words that a terminal can't be made to hide. Secrets that can be told are
// not shown, nor any value of env and headers.
func showProject(w io.Writer, c candidate) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", line(c.dir))
	if c.state == trust.Changed {
		fmt.Fprintf(&b, "  %s\n", line(c.why))
	}
	fmt.Fprintf(&b, "\nServers, by %s\n", line(shownPath(c.servers)))
	if len(c.loaded.Servers.Entries) == 0 {
		b.WriteString("  none\n")
	}
	for _, e := range c.loaded.Servers.Entries {
		showEntry(&b, e)
	}
	for _, f := range c.files {
		if f.Role == trust.Named {
			fmt.Fprintf(&b, "  %s counts as it is now\n", line(f.Path))
		}
	}
	fmt.Fprintf(&b, "\nAgents, by %s\n", line(shownPath(c.rules)))
	showRules(&b, c)
	b.WriteString("\nOnly these files are approved, not the programs that they start or what these read.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// shownPath is a file's path, and where it leads to if that is elsewhere.
func shownPath(f projectFile) string {
	if f.real != f.path {
		return f.path + ", a link to " + f.real
	}
	return f.path
}

func showEntry(b *strings.Builder, e serversfile.Entry) {
	what := "connects to " + line(redact.MaskKnown(vars.Address(e.URL)))
	if e.Transport == serversfile.Stdio {
		words := []string{shownWord(e.Command)}
		for _, a := range e.Args {
			words = append(words, shownWord(a))
		}
		what = "runs " + strings.Join(words, " ")
	}
	if e.Disabled {
		what = "is disabled; else it " + what
	}
	fmt.Fprintf(b, "  %s %s\n", shownWord(e.Name), what)
	for _, part := range []struct {
		words string
		names []string
	}{
		{"in the folder", oneOrNone(e.Cwd)},
		{"with these variables", slices.Sorted(maps.Keys(e.Env))},
		{"with these headers", slices.Sorted(maps.Keys(e.Headers))},
		{"and, of the gateway's own variables, these", e.Settings.EnvPass},
		{"filled in from these variables", variablesOf(e, false)},
		{"filled in from these files", variablesOf(e, true)},
	} {
		if len(part.names) > 0 {
			fmt.Fprintf(b, "    %s: %s\n", part.words, line(strings.Join(part.names, ", ")))
		}
	}
}

func oneOrNone(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// shownWord is a word of a command line: what could be mistaken is quoted.
func shownWord(word string) string {
	shown := line(redact.MaskKnown(word))
	if shown == "" || strings.ContainsAny(shown, " '\"\\$`;&|<>()*?#~!") {
		return "'" + strings.ReplaceAll(shown, "'", `'\''`) + "'"
	}
	return shown
}

// variablesOf lists the variables, or the files, that an entry is filled in
// from.
func variablesOf(e serversfile.Entry, files bool) []string {
	texts := slices.Concat([]string{e.Command, e.Cwd, e.URL, e.EnvFile}, e.Args)
	texts = slices.AppendSeq(texts, maps.Values(e.Env))
	texts = slices.AppendSeq(texts, maps.Values(e.Headers))
	names := map[string]bool{}
	if files && e.EnvFile != "" {
		names[e.EnvFile] = true
	}
	for _, text := range texts {
		for _, s := range vars.Segments(text) {
			v, reason := vars.ParseVariable(s)
			switch {
			case !s.Variable || reason != "" || vars.IsPlace(v.Name):
			case files && v.Path != "":
				names[v.Path] = true
			case !files && v.Path == "":
				names[v.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func showRules(b *strings.Builder, c candidate) {
	r := c.loaded.Rules
	if len(r.Agents) == 0 {
		b.WriteString("  none: nobody may do anything\n")
	}
	for _, a := range r.Agents {
		fmt.Fprintf(b, "  %s %s\n", shownWord(a.ID), line(mayUse(a)))
		if denied := deniedTo(a); len(denied) > 0 {
			fmt.Fprintf(b, "    but not %s\n", line(strings.Join(denied, ", ")))
		}
	}
	for _, a := range r.Agents {
		showWords(b, shownWord(a.ID), a.Instructions)
	}
	showWords(b, "every agent", r.Instructions)
	if !r.DenyOnMissingAgent {
		b.WriteString("  whoever does not say who it is counts as default\n")
	}
	for _, t := range c.loaded.Credentials.Tokens {
		fmt.Fprintf(b, "  the token %s lets its bearer be %s\n", shownWord(t.ID), line(strings.Join(t.Agents, ", ")))
	}
	if jwt := c.loaded.Credentials.JWT; jwt != nil {
		fmt.Fprintf(b, "  tokens of %s say by %s who their bearer is\n", line(jwt.Issuer), line(jwt.AgentClaim))
	}
}

// showWords shows what the rules tell an agent's model.
func showWords(b *strings.Builder, who, instructions string) {
	if instructions != "" {
		fmt.Fprintf(b, "  %s is told: %s\n", who, line(instructions))
	}
}

func mayUse(a policy.Agent) string {
	if len(a.Allow.Servers) == 0 {
		return "may use nothing"
	}
	parts := []string{"may use " + strings.Join(patterns(a.Allow.Servers), ", ")}
	for _, kind := range policy.Listed {
		if rules := a.Allow.Of(kind); len(rules) > 0 {
			parts = append(parts, "only these "+kind.Plural()+": "+strings.Join(patternsByServer(rules), ", "))
		}
	}
	if len(a.Expose) > 0 {
		parts = append(parts, "is shown, if it may use them: "+strings.Join(patternsByServer(a.Expose), ", "))
	}
	return strings.Join(parts, "; ")
}

// deniedTo lists what the rules deny an agent.
func deniedTo(a policy.Agent) []string {
	list := patterns(a.Deny.Servers)
	for _, kind := range policy.Listed {
		for _, text := range patternsByServer(a.Deny.Of(kind)) {
			if kind != policy.Tools {
				text = kind.Plural() + " of " + text
			}
			list = append(list, text)
		}
	}
	return list
}

func patterns(rules []policy.Rule) []string {
	list := make([]string, len(rules))
	for i, r := range rules {
		list[i] = r.Pattern
	}
	return list
}

// patternsByServer lists patterns with their servers: "server: tool".
func patternsByServer(rules []policy.ServerRules) []string {
	var list []string
	for _, r := range rules {
		names := strings.Join(patterns(r.Rules), " ")
		if names == "" {
			names = "none"
		}
		list = append(list, r.Server.Pattern+": "+names)
	}
	return list
}

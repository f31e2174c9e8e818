package admin

import (
	"fmt"
	"strings"

	"gatehouse/internal/plural"
	"gatehouse/internal/shellword"
)

// Fine reports whether nothing is missing in the audit log, as far as the gateway
// knows.
func (a Audit) Fine() bool {
	sent := a.Out == nil || a.Out.Lost == 0 && a.Out.Err == ""
	return a.Err == "" && a.Lost == 0 && a.Young == 0 && a.Cut == 0 && sent
}

// String says how the audit log does, in one line. Errors in it are as they came.
func (a Audit) String() string {
	text := fmt.Sprintf("%d written, %d lost", a.Written, a.Lost)
	if a.Young > 0 {
		text += fmt.Sprintf(", %s deleted before their time: the disk is nearly full", plural.Of(a.Young, "file"))
	}
	if out := a.Out; out != nil {
		text += fmt.Sprintf(", %d sent to %s", out.Sent, out.To)
		if out.Lost > 0 || out.Err != "" {
			text += fmt.Sprintf(" (%d not sent, %d waiting) %s", out.Lost, out.Queued, out.Err)
		}
	}
	if a.Cut > 0 {
		text += ", its last lines were taken away: see audit verify"
	}
	if a.Err != "" {
		text += fmt.Sprintf(", %d waiting: %s", a.Queued, a.Err)
	}
	return text
}

// String says how many lines of the log were lost, and why.
func (l Log) String() string {
	text := plural.Of(l.Lost, "line") + " lost"
	if l.Err != "" {
		text += ": " + l.Err
	}
	return text
}

// String counts what the rules have.
func (r Rules) String() string {
	return fmt.Sprintf("%s, %s, limits for %d", plural.Of(r.Agents, "agent"), plural.Of(r.Roles, "role"), r.Limited)
}

// Who names an agent whose calls exceeded its limits, and its credential.
func (l Limited) Who() string {
	if l.Credential == "" {
		return l.Agent
	}
	return l.Agent + " with " + l.Credential
}

// Whose says whose calls of what are refused.
func (b Block) Whose() string {
	who, what := "every agent", "all tools"
	if b.Agent != "" {
		who = "agent " + b.Agent
	}
	if b.Origin != "" {
		who += " from " + b.Origin
	}
	if b.Tool != "" {
		what = "tool " + b.Tool
	}
	return who + ", " + what
}

// Text says how the login of a server is, and what to do; until is until when.
func (a Auth) Text(server, until string) string {
	var parts []string
	if a.Store != "" {
		text := "logged in"
		if a.Account != "" {
			text += " as " + a.Account
		}
		parts = append(parts, text+" at "+a.Issuer)
		if until != "" {
			parts = append(parts, until)
		}
	}
	if a.Problem != "" {
		parts = append(parts, a.Problem)
	}
	if len(a.Wanted) > 0 {
		parts = append(parts, "it asks for the scopes "+strings.Join(a.Wanted, " "))
	}
	if a.State == NeedsLogin {
		parts = append(parts, "log in with: "+shellword.Command("gatehouse login", "", server))
	}
	return strings.Join(parts, "; ")
}

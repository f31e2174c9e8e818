package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

func newTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Work with tokens of agents over HTTP",
	}
	cmd.AddCommand(newTokenNewCommand())
	return cmd
}

func newTokenNewCommand() *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use:   "new --id ID --agent A,B",
		Short: "Make a fresh bearer token and print it once, with the line for the rules file",
		Long: `new makes a token of 256 random bits, prints it once and stores it nowhere. Give it
to the agent, which sends it as "Authorization: Bearer TOKEN". Add the line below
it to "defaults": {"tokens": [...]} of the rules file: it holds only the hash.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			line, err := o.line()
			if err != nil {
				return err
			}
			return printToken(cmd, line, o.asJSON)
		},
	}
	cmd.Flags().StringVar(&o.id, "id", "", "a name for the token, such as alice-laptop; the audit log shows it")
	cmd.Flags().StringSliceVar(&o.agents, "agent", nil, "the agents that its bearer may be; the first, unless it says which")
	cmd.Flags().StringVar(&o.expires, "expires", "", "when it stops working: a day such as 2027-01-01 (at its start, in UTC), or a time in RFC 3339")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, `print {"token", "line"}`)
	return cmd
}

type tokenOptions struct {
	id, expires string
	agents      []string
	asJSON      bool
}

// tokenLine is a token as the rules file has it.
type tokenLine struct {
	ID      string   `json:"id"`
	Agents  []string `json:"agents"`
	SHA256  string   `json:"sha256"`
	Expires string   `json:"expires,omitempty"`
}

// line makes the line without its hash.
func (o tokenOptions) line() (tokenLine, error) {
	var errs []error
	switch {
	case o.id == "":
		errs = append(errs, errors.New("--id is needed: 1 to 128 letters, digits, _ . and -"))
	case !policy.ValidAgentID(o.id):
		errs = append(errs, fmt.Errorf("--id is %q: use 1 to 128 letters, digits, _ . and -", o.id))
	}
	if len(o.agents) == 0 || len(o.agents) > identity.MaxAgents {
		errs = append(errs, fmt.Errorf("--agent is needed: 1 to %d agents that the token's bearer may be", identity.MaxAgents))
	}
	seen := map[string]bool{}
	for _, a := range o.agents {
		if !policy.ValidAgentID(a) || seen[a] {
			errs = append(errs, fmt.Errorf("--agent names %q: an agent id has letters, digits, _ . and - only, and is named once", a))
		}
		seen[a] = true
	}
	if err := checkExpires(o.expires, time.Now()); err != nil {
		errs = append(errs, err)
	}
	return tokenLine{ID: o.id, Agents: o.agents, Expires: o.expires}, errors.Join(errs...)
}

func checkExpires(text string, now time.Time) error {
	if text == "" {
		return nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t, err = time.Parse(time.RFC3339, text)
	}
	switch {
	case err != nil:
		return fmt.Errorf("--expires is %q: use a day such as 2027-01-01 or a time such as 2027-01-01T18:00:00Z", text)
	case !t.After(now):
		return fmt.Errorf("--expires is %q: that is over already", text)
	}
	return nil
}

// fresh makes a token, and completes its line.
func (line tokenLine) fresh() (token string, _ tokenLine) {
	var random [identity.RandomBytes]byte
	_, _ = rand.Read(random[:]) // Never fails.
	token = identity.FormatToken(random)
	line.SHA256 = identity.DigestOf(token).String()
	return token, line
}

func printToken(cmd *cobra.Command, line tokenLine, asJSON bool) error {
	token, line := line.fresh()
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), map[string]any{"token": token, "line": line})
	}
	text, err := json.Marshal(line)
	if err != nil {
		return failed(fmt.Errorf("cannot write the line: %w", err))
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Token, shown only now:\n\n  %s\n\nFor \"defaults\": {\"tokens\": [...]} of the rules file:\n\n  %s\n", token, text)
	return err
}

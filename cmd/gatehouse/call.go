package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/shellword"
)

func newCallCommand() *cobra.Command {
	var o running
	var agent string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "call SERVER TOOL [JSON]",
		Short: "Call a tool through the running gateway, as an agent would",
		Long: `call runs a tool as execute_tool does for an agent: the rules apply to --agent,
and the call is in the audit log, with client "gatehouse call". JSON is the object
of the tool's arguments. Text in the result is printed as text, all else as JSON.
Exit code 0: the tool's result; 1: it failed or was refused, and stderr
says whether the gateway or the server reported it (with --json, "io.gatehouse/origin"
in the result's _meta).`,
		ValidArgsFunction: completeCall,
		RunE: func(cmd *cobra.Command, args []string) error {
			call := admin.Call{Server: args[0], Tool: args[1], Agent: agent, TimeoutMS: timeout.Milliseconds()}
			if cmd.Flags().Changed("timeout") && timeout < 100*time.Millisecond {
				return fmt.Errorf("--timeout is %s: use at least 100ms", timeout)
			}
			if len(args) == 3 {
				var object map[string]json.RawMessage
				if err := rawjson.Decode([]byte(args[2]), &object); err != nil || object == nil {
					return errors.New("the arguments of the tool are not a JSON object, such as '{\"path\": \"/tmp\"}'")
				}
				call.Args = json.RawMessage(args[2])
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := o.connect(ctx)
			if err != nil {
				return err
			}
			noteStranger(ctx, cmd.ErrOrStderr(), gw.Client, agent)
			result, err := gw.Client.Call(ctx, call)
			if err != nil {
				return asked(ctx, gw.Client, err)
			}
			return printResult(cmd.OutOrStdout(), result, call, o.asJSON)
		},
	}
	o.register(cmd, "print the whole result as JSON")
	cmd.Flags().StringVar(&agent, "agent", "", "the agent whose rules apply (default: those for an agent that does not say who it is)")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "how long the call may take (default: the server's call_timeout_ms)")
	return cmd
}

// printResult writes a tool result. The error says that the tool failed.
func printResult(w io.Writer, raw json.RawMessage, call admin.Call, asJSON bool) error {
	var result struct {
		Content    []json.RawMessage `json:"content"`
		Structured json.RawMessage   `json:"structuredContent"`
		IsError    bool              `json:"isError"`
	}
	if err := rawjson.Decode(raw, &result); err != nil {
		return failed(errors.New("cannot read the result: it is no tool result"))
	}
	switch {
	case asJSON:
		if err := writeJSON(w, raw); err != nil {
			return err
		}
	case len(result.Content) == 0 && result.Structured != nil:
		if err := writeJSON(w, result.Structured); err != nil {
			return err
		}
	default:
		word := func(text string) string { return text }
		if result.IsError && fromGateway(raw) {
			word = forPeople
		}
		for _, block := range result.Content {
			if err := printBlock(w, block, word); err != nil {
				return err
			}
		}
	}
	if result.IsError {
		return callFailed(raw, call, asJSON)
	}
	return nil
}

// fromGateway reports whether a result is the gateway's own.
func fromGateway(result json.RawMessage) bool {
	return rawjson.Text(rawjson.Get(rawjson.Get(result, "_meta"), endpoint.MetaOrigin)) == "gateway"
}

// callFailed says whose failure a result is: that of the gateway, or of the tool
// itself. The JSON says it already.
func callFailed(result json.RawMessage, call admin.Call, asJSON bool) error {
	if asJSON {
		return errNo
	}
	if !fromGateway(result) {
		return failed(errors.New("the server reports that the tool failed"))
	}
	text := "the gateway refused the call, or could not finish it"
	server := line(call.Server)
	switch rawjson.Text(rawjson.Get(rawjson.Get(rawjson.Get(result, "structuredContent"), "error"), "code")) {
	case front.CodeDenied:
		text += fmt.Sprintf("; \"%s\" says why", shellword.Command("gatehouse explain", "--live", line(call.Agent), server, line(call.Tool)))
	case front.CodeServerUnavailable, front.CodeServerCrashed:
		text += fmt.Sprintf("; \"%s\" says more", statusCommand(server))
	}
	return failed(errors.New(text))
}

// printBlock writes a block of a result; a text as word words it.
func printBlock(w io.Writer, raw json.RawMessage, word func(string) string) error {
	if rawjson.Text(rawjson.Get(raw, "type")) == "text" {
		_, err := fmt.Fprintln(w, lines(word(rawjson.Text(rawjson.Get(raw, "text")))))
		return err
	}
	return writeJSON(w, raw)
}

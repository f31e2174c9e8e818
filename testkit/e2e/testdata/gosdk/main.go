// Command gosdk is a client on the official Go SDK: it takes the same steps as
// ../clients/steps.mjs, prints the same report, and ends when its input does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// report is what the Go test judges.
type report struct {
	Revision    string          `json:"revision"`
	Tools       []string        `json:"tools"`
	Servers     []string        `json:"servers"`
	ServerTools []string        `json:"serverTools"`
	Echo        json.RawMessage `json:"echo"`
	Progress    []float64       `json:"progress"`
	Cancelled   bool            `json:"cancelled"`
	Refused     string          `json:"refused"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 4 {
		log.Fatal("usage: gosdk REVISION http URL | gosdk REVISION stdio COMMAND ARG...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1], transport(os.Args[2], os.Args[3:])); err != nil {
		log.Fatal(err)
	}
}

func transport(kind string, target []string) mcp.Transport {
	if kind == "http" {
		return &mcp.StreamableClientTransport{Endpoint: target[0]}
	}
	cmd := exec.Command(target[0], target[1:]...)
	cmd.Stderr = os.Stderr
	return &mcp.CommandTransport{Command: cmd}
}

// run connects, takes the steps, reports, and closes when the input ends.
func run(ctx context.Context, revision string, t mcp.Transport) (err error) {
	heard := make(chan float64, 1024)
	client := mcp.NewClient(&mcp.Implementation{Name: "gosdk", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, n *mcp.ProgressNotificationClientRequest) {
			heard <- n.Params.Progress
		},
	})
	session, err := client.Connect(ctx, t, &mcp.ClientSessionOptions{ProtocolVersion: revision})
	if err != nil {
		return fmt.Errorf("cannot connect: %w", err)
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	r, err := gateway{session}.steps(ctx, heard)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

type gateway struct{ *mcp.ClientSession }

func (g gateway) steps(ctx context.Context, heard <-chan float64) (r report, err error) {
	r.Revision = g.InitializeResult().ProtocolVersion
	if err := g.look(ctx, &r); err != nil {
		return r, err
	}
	if r.Progress, r.Cancelled, err = g.cancelAfterProgress(ctx, heard); err != nil {
		return r, err
	}
	// The conversation must have survived that.
	var refusal struct{ Error struct{ Code string } }
	err = g.ask(ctx, "execute_tool", map[string]any{"server": "nowhere", "tool": "echo"}, &refusal)
	r.Refused = refusal.Error.Code
	return r, err
}

// look uses the three tools as an agent would.
func (g gateway) look(ctx context.Context, r *report) error {
	list, err := g.ListTools(ctx, nil)
	if err != nil {
		return err
	}
	for _, t := range list.Tools {
		r.Tools = append(r.Tools, t.Name)
	}
	type named struct{ Name string }
	var servers struct{ Servers []named }
	if err := g.ask(ctx, "list_servers", map[string]any{}, &servers); err != nil {
		return err
	}
	for _, s := range servers.Servers {
		r.Servers = append(r.Servers, s.Name)
	}
	var box struct{ Tools []named }
	if err := g.ask(ctx, "get_server_tools", map[string]any{"server": "fake"}, &box); err != nil {
		return err
	}
	for _, t := range box.Tools {
		r.ServerTools = append(r.ServerTools, t.Name)
	}
	args := map[string]any{"text": "h\u00e9llo \u2603", "list": []any{1, map[string]any{"two": nil}}}
	return g.ask(ctx, "execute_tool", map[string]any{"server": "fake", "tool": "echo", "args": args}, &r.Echo)
}

// ask calls a tool of the gateway and reads its structured content into v.
func (g gateway) ask(ctx context.Context, tool string, args map[string]any, v any) error {
	args["agent_id"] = "agent"
	res, err := g.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return fmt.Errorf("cannot call %s: %w", tool, err)
	}
	text, err := json.Marshal(res.StructuredContent)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// cancelAfterProgress starts a call that would take more than half an hour, and
// cancels it when three notifications of its progress have come.
func (g gateway) cancelAfterProgress(ctx context.Context, heard <-chan float64) (progress []float64, cancelled bool, err error) {
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	params := &mcp.CallToolParams{Name: "execute_tool", Arguments: map[string]any{
		"agent_id": "agent", "server": "fake", "tool": "progress",
		"args": map[string]any{"n": 100_000, "ms": 20, "id": "cancel me"},
	}}
	params.SetProgressToken("mine")
	done := make(chan error, 1)
	go func() {
		_, err := g.CallTool(call, params)
		done <- err
	}()
	for len(progress) < 3 {
		select {
		case p := <-heard:
			progress = append(progress, p)
		case err := <-done:
			return progress, false, fmt.Errorf("the call has ended by itself: %w", err)
		}
	}
	cancel()
	err = <-done
	if errors.Is(err, context.Canceled) {
		return progress, true, nil
	}
	return progress, false, err
}

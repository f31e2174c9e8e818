package agents

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// toolSet is the gateway's definitions, in their order.
type toolSet struct {
	names []string
	tools []mcp.Tool      // what mcp-go is told, to know the names
	list  json.RawMessage // the array to show: the definitions' own JSON
}

// readTools reads definitions; one that is unfit is logged and left out.
func readTools(definitions []json.RawMessage, log *slog.Logger) toolSet {
	var set toolSet
	shown := []json.RawMessage{}
	for i, raw := range definitions {
		tool, err := readTool(raw)
		if err != nil {
			log.Error("internal: tool definition left out", slog.Int("index", i), slog.Any("err", err))
			continue
		}
		set.names = append(set.names, tool.Name)
		set.tools = append(set.tools, tool)
		shown = append(shown, raw)
	}
	set.list = join(shown)
	return set
}

// join returns the array of definitions, which are valid JSON.
func join(definitions []json.RawMessage) json.RawMessage {
	list, err := json.Marshal(definitions)
	if err != nil {
		panic(fmt.Sprintf("internal: cannot join tool definitions: %v", err))
	}
	return list
}

func readTool(raw json.RawMessage) (mcp.Tool, error) {
	var def struct {
		Name        string             `json:"name"`
		Title       string             `json:"title"`
		Description string             `json:"description"`
		Input       json.RawMessage    `json:"inputSchema"`
		Output      json.RawMessage    `json:"outputSchema"`
		Annotations mcp.ToolAnnotation `json:"annotations"`
	}
	if err := rawjson.Decode(raw, &def); err != nil {
		return mcp.Tool{}, fmt.Errorf("cannot read tool definition: %w", err)
	}
	if def.Name == "" {
		return mcp.Tool{}, errors.New("cannot use tool definition: it has no name")
	}
	tool := mcp.Tool{
		Name: def.Name, Title: def.Title, Description: def.Description,
		RawInputSchema: def.Input, RawOutputSchema: def.Output, Annotations: def.Annotations,
	}
	// mcp-go panics on these when the tool is registered.
	if err := mcp.ValidateParamHeaderAnnotations(&tool); err != nil {
		return mcp.Tool{}, fmt.Errorf("cannot use definition of tool %q: %w", def.Name, err)
	}
	return tool, nil
}

func (t toolSet) register(s *server.MCPServer) {
	tools := make([]server.ServerTool, len(t.tools))
	for i, tool := range t.tools {
		tools[i] = server.ServerTool{Tool: tool, Handler: noTool}
	}
	s.SetTools(tools...)
}

// maxNameShown is how much of a name of unknown length an error repeats, in
// bytes.
const maxNameShown = 128

// unknown is the failure for a tool that does not exist: it names those that do.
func (t toolSet) unknown(name string) *rpcFailure {
	name = textcut.Marked(name, maxNameShown)
	return &rpcFailure{
		code: mcp.INVALID_PARAMS,
		text: fmt.Sprintf("unknown tool %q: this gateway's tools are %s", name, strings.Join(t.names, ", ")),
	}
}

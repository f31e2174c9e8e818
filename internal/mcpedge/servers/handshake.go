package servers

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// The methods that the sessions know themselves.
const (
	methodInitialize  = "initialize"
	methodInitialized = "notifications/initialized"
	methodCancelled   = "notifications/cancelled"
	methodProgress    = "notifications/progress"
	methodToolsChange = "notifications/tools/list_changed"
	methodPing        = "ping"
	methodToolsList   = "tools/list"
)

// latestRevision is the revision that we ask for by initialize.
const latestRevision = "2025-11-25"

// revisions are those that begin with initialize; a server may choose any of
// them.
var revisions = []string{"2024-11-05", "2025-03-26", "2025-06-18", latestRevision}

// Limits, in bytes, of what is kept of a server's words about itself.
const (
	maxInfoText     = 1 << 10
	maxInstructions = 64 << 10
)

// clientName is how we introduce ourselves to servers.
const clientName = "gatehouse"

func initializeParams(version string) json.RawMessage {
	params, _ := json.Marshal(map[string]any{ //nolint:errchkjson // Strings always marshal.
		"protocolVersion": latestRevision,
		"capabilities":    struct{}{},
		"clientInfo":      clientInfo(version),
	})
	return params
}

// serverInfo reads the answer to initialize. Only the revision must be there;
// what else is missing or of another type than the specification's is left
// empty.
func serverInfo(answer endpoint.Response) (endpoint.ServerInfo, error) {
	if answer.Error != nil {
		return endpoint.ServerInfo{}, fmt.Errorf("the server answered with an error: %s", rpcErrorText(answer.Error))
	}
	var top struct{ ProtocolVersion, Capabilities, ServerInfo, Instructions json.RawMessage }
	if json.Unmarshal(answer.Result, &top) != nil || top.ProtocolVersion == nil {
		return endpoint.ServerInfo{}, errors.New("the server's answer is not that of an MCP server: it names no protocolVersion")
	}
	revision := text(top.ProtocolVersion, maxInfoText)
	if !slices.Contains(revisions, revision) {
		return endpoint.ServerInfo{}, unknownRevision(revision)
	}
	return describe(revision, top.ServerInfo, top.Instructions, top.Capabilities), nil
}

// unknownRevision says that a server speaks none of our revisions.
func unknownRevision(theirs string) error {
	return fmt.Errorf("the server speaks the protocol revision %q, gatehouse speaks %s, %s",
		oneLine(theirs, 80), strings.Join(revisions, ", "), endpoint.StatelessRevision)
}

// describe takes what a server says of itself, in either era.
func describe(revision string, about, instructions, capabilities json.RawMessage) endpoint.ServerInfo {
	var self struct{ Name, Title, Version, Description json.RawMessage }
	_ = json.Unmarshal(about, &self)
	return endpoint.ServerInfo{
		ProtocolVersion: revision,
		Name:            text(self.Name, maxInfoText),
		Title:           text(self.Title, maxInfoText),
		Version:         text(self.Version, maxInfoText),
		Description:     text(self.Description, maxInfoText),
		Instructions:    text(instructions, maxInstructions),
		Tools:           capability(capabilities, "tools") != nil,
	}
}

// announcesTools reports whether the server says that it announces changes of
// its tools.
func announcesTools(answer endpoint.Response) bool {
	var top struct{ Capabilities json.RawMessage }
	_ = json.Unmarshal(answer.Result, &top)
	var tools struct{ ListChanged json.RawMessage }
	_ = json.Unmarshal(capability(top.Capabilities, "tools"), &tools)
	return string(tools.ListChanged) == "true"
}

// capability returns the value of one capability, nil if it is not declared.
func capability(capabilities json.RawMessage, name string) json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(capabilities, &all) != nil || rawjson.IsNull(all[name]) {
		return nil
	}
	return all[name]
}

// text decodes a string and cuts it to limit bytes.
func text(raw json.RawMessage, limit int) string {
	var s string
	if raw == nil || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return textcut.To(s, limit)
}

// oneLine cuts a server's text and takes out what could break a log line or
// a terminal.
func oneLine(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, textcut.To(s, limit))
}

// rpcErrorText shows the message and code of a JSON-RPC error.
func rpcErrorText(raw json.RawMessage) string { return shorten(endpoint.ErrorText(raw), maxWords) }

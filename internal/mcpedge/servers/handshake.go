package servers

import (
	"bytes"
	"cmp"
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

// Limits, in bytes, of a server's words about itself, and of what is kept of them.
const (
	maxHandshake    = 4 << 20
	maxInfoText     = 1 << 10
	maxInstructions = 64 << 10
	maxKeptObject   = 256 << 10
)

// clientName is how we introduce ourselves to servers.
const clientName = "gatehouse"

// initializeParams introduces us, or the client for which the session is: by what it
// may be asked for, and in its own revision if that has a handshake. wanted, if it
// is not empty, is the revision that the server has asked for.
func initializeParams(version string, client endpoint.Client, wanted string) json.RawMessage {
	revision, capabilities := latestRevision, json.RawMessage("{}")
	if client != nil {
		capabilities = endpoint.AskedOf(client.Declared())
		if slices.Contains(revisions, client.Revision()) {
			revision = client.Revision()
		}
	}
	params, _ := json.Marshal(map[string]any{ //nolint:errchkjson // It is valid JSON.
		"protocolVersion": cmp.Or(wanted, revision),
		"capabilities":    capabilities,
		"clientInfo":      clientInfo(version),
	})
	return params
}

// wantedRevision is the latest of our revisions that a server names which has
// refused the one that initialize asked for; empty if it names none.
func wantedRevision(failure json.RawMessage) (latest string) {
	supported := rawjson.Get(rawjson.Get(failure, "data"), "supported")
	for _, ours := range revisions {
		if bytes.Contains(supported, quote(ours)) {
			latest = ours
		}
	}
	return latest
}

// serverInfo reads the answer to initialize. Only the revision must be there;
// what else is missing or of another type than the specification's is left
// empty.
func serverInfo(answer endpoint.Response) (endpoint.ServerInfo, error) {
	if answer.Error != nil {
		return endpoint.ServerInfo{}, fmt.Errorf("the server answered with an error: %s", rpcErrorText(answer.Error))
	}
	if err := exactAnswer(answer.Result); err != nil {
		return endpoint.ServerInfo{}, err
	}
	version := rawjson.Get(answer.Result, "protocolVersion")
	if version == nil {
		return endpoint.ServerInfo{}, errors.New("the server's answer is not that of an MCP server: it names no protocolVersion")
	}
	revision := text(version, maxInfoText)
	if !slices.Contains(revisions, revision) {
		return endpoint.ServerInfo{}, unknownRevision(revision)
	}
	return describe(revision, rawjson.Get(answer.Result, "serverInfo"), answer.Result), nil
}

// exactAnswer refuses what a server says of itself if a member that decides
// something is there twice, or in another letter case: who reads it otherwise would take
// the server for another one.
func exactAnswer(result json.RawMessage) error {
	capabilities := rawjson.Get(result, "capabilities")
	err := cmp.Or(
		rawjson.Misnamed(result, "protocolVersion", "supportedVersions", "capabilities", "serverInfo", "instructions"),
		rawjson.Misnamed(capabilities, "tools", "resources", "prompts", "logging", "completions"),
		rawjson.Misnamed(rawjson.Get(capabilities, "tools"), "listChanged"),
		rawjson.Misnamed(rawjson.Get(capabilities, "resources"), "listChanged", "subscribe"),
		rawjson.Misnamed(rawjson.Get(capabilities, "prompts"), "listChanged"))
	if err != nil {
		return fmt.Errorf("the server's answer is not that of an MCP server: %s", oneLine(err.Error(), maxWords))
	}
	return nil
}

// unknownRevision says that a server speaks none of our revisions.
func unknownRevision(theirs string) error {
	return fmt.Errorf("the server speaks the protocol revision %q, gatehouse speaks %s, %s",
		oneLine(theirs, 80), strings.Join(revisions, ", "), endpoint.StatelessRevision)
}

// describe takes what a server says of itself, in either era.
func describe(revision string, about, result json.RawMessage) endpoint.ServerInfo {
	self := func(member string) string { return text(rawjson.Get(about, member), maxInfoText) }
	return endpoint.ServerInfo{
		ProtocolVersion: revision,
		Name:            self("name"),
		Title:           self("title"),
		Version:         self("version"),
		Description:     self("description"),
		Instructions:    text(rawjson.Get(result, "instructions"), maxInstructions),
		Tools:           capability(result, "tools") != nil || declaresNothing(result),
		About:           keptObject(about),
		Capabilities:    keptObject(rawjson.Get(result, "capabilities")),
	}
}

// keptObject is an object without members that are the gateway's, unless it is
// larger than is kept.
func keptObject(raw json.RawMessage) string {
	if rawjson.First(raw) != '{' || len(raw) > maxKeptObject {
		return ""
	}
	return string(endpoint.WithoutOwnNames(raw))
}

// declaresNothing reports whether a server says of no capability that it has it. It
// then may have tools all the same: some servers have been written by example.
func declaresNothing(result json.RawMessage) bool {
	declared := rawjson.Get(result, "capabilities")
	return rawjson.First(declared) != '{' || rawjson.Object(declared, rawjson.Space(declared, 0), 0, func([]byte, int) int { return -1 }) >= 0
}

// capability returns the value of one capability in a server's answer, nil if it is
// not declared.
func capability(result json.RawMessage, name string) json.RawMessage {
	declared := rawjson.Get(rawjson.Get(result, "capabilities"), name)
	if rawjson.IsNull(declared) {
		return nil
	}
	return declared
}

// text decodes a string and cuts it to limit bytes.
func text(raw json.RawMessage, limit int) string {
	var s string
	if raw == nil || rawjson.Decode(raw, &s) != nil {
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
func rpcErrorText(raw json.RawMessage) string { return shorten(endpoint.ErrorText(raw)) }

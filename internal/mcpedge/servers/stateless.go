package servers

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// The methods that 2026-07-28 knows.
const (
	methodDiscover     = "server/discover"
	methodListen       = "subscriptions/listen"
	methodAcknowledged = "notifications/subscriptions/acknowledged"
	methodToolsCall    = "tools/call"
)

// The members of _meta by which a request of 2026-07-28 says what initialize
// said once, and those of the answers.
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaClientInfo   = "io.modelcontextprotocol/clientInfo"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	metaServerInfo   = "io.modelcontextprotocol/serverInfo"
	metaLogLevel     = "io.modelcontextprotocol/logLevel"
	metaSubscription = "io.modelcontextprotocol/subscriptionId"
)

// requestMeta adds to the params of each request what 2026-07-28 asks for.
type requestMeta struct {
	head []byte // the members of _meta up to the capabilities' value
	info []byte
}

func newRequestMeta(version string) requestMeta {
	info := clientInfo(version)
	head := append([]byte(`"`+metaVersion+`":"`+endpoint.StatelessRevision+`","`+metaClientInfo+`":`), info...)
	return requestMeta{head: append(head, `,"`+metaCapabilities+`":`...), info: info}
}

// clientInfo is how we introduce ourselves to servers.
func clientInfo(version string) json.RawMessage {
	if version == "" {
		version = "unknown"
	}
	info, _ := json.Marshal(map[string]string{"name": clientName, "version": version}) //nolint:errchkjson // Strings always marshal.
	return info
}

// addTo returns the params with the revision, our name and the capabilities of
// the one who asks in _meta. What else is there stays as it is. Params that
// are not an object can't carry any of it.
func (r requestMeta) addTo(params, capabilities json.RawMessage) json.RawMessage {
	if rawjson.First(capabilities) != '{' || !rawjson.Valid(capabilities) {
		capabilities = json.RawMessage(`{}`)
	}
	if len(params) == 0 {
		params = json.RawMessage(`{}`)
	}
	if rawjson.First(params) != '{' {
		return params
	}
	meta := rawjson.Get(params, "_meta")
	if meta == nil {
		return r.prepend(params, capabilities)
	}
	meta = rawjson.Set(meta, metaVersion, []byte(`"`+endpoint.StatelessRevision+`"`))
	meta = rawjson.Set(meta, metaClientInfo, r.info)
	meta = rawjson.Set(meta, metaCapabilities, capabilities)
	return rawjson.Set(params, "_meta", meta)
}

// prepend puts a _meta before the first member of an object without one.
func (r requestMeta) prepend(object, capabilities []byte) json.RawMessage {
	first := rawjson.Space(object, rawjson.Space(object, 0)+1)
	out := make([]byte, 0, len(object)+len(r.head)+len(capabilities)+16)
	out = append(append(append(out, `{"_meta":{`...), r.head...), capabilities...)
	out = append(out, '}')
	if object[first] != '}' {
		out = append(out, ',')
	}
	return append(out, object[first:]...)
}

// discovered reads the answer to server/discover.
func discovered(answer endpoint.Response) (info endpoint.ServerInfo, announces bool, err error) {
	if answer.Error != nil {
		return info, false, refusedDiscovery(answer.Error)
	}
	supported := rawjson.Get(answer.Result, "supportedVersions")
	if supported == nil || rawjson.IsNull(supported) {
		return info, false, errNotStateless
	}
	if err := exactAnswer(answer.Result); err != nil {
		return info, false, err
	}
	if err := judge(supported); err != nil {
		return info, false, err
	}
	about := rawjson.Get(rawjson.Get(answer.Result, "_meta"), metaServerInfo)
	info = describe(endpoint.StatelessRevision, about, answer.Result)
	return info, announcesAny(info), nil
}

// errNotStateless means that a server does not speak 2026-07-28, as far as its
// answer says: it is to be asked by initialize.
var errNotStateless = errors.New("the server does not know " + methodDiscover)

// The errors by which a server shows that it speaks 2026-07-28 or later.
const (
	codeHeaderMismatch    = "-32020"
	codeMissingCapability = "-32021"
	codeUnsupported       = "-32022"
)

// refusedDiscovery judges the error with which a server answered
// server/discover.
func refusedDiscovery(raw json.RawMessage) error {
	if rawjson.Misnamed(raw, "code", "message", "data") != nil {
		return errNotStateless // It says two things at once.
	}
	switch string(rawjson.Get(raw, "code")) {
	case codeUnsupported:
		if err := judge(rawjson.Get(rawjson.Get(raw, "data"), "supported")); err != nil {
			return err
		}
		return errNotStateless // It contradicts itself.
	case codeHeaderMismatch, codeMissingCapability:
		return errors.New("the server answered " + methodDiscover + " with an error: " + rpcErrorText(raw))
	default:
		return errNotStateless
	}
}

// judge looks for our revision among those that a server supports.
func judge(supported json.RawMessage) error {
	var theirs []string
	_ = rawjson.Decode(supported, &theirs) // What can't be read counts as none.
	switch {
	case slices.Contains(theirs, endpoint.StatelessRevision):
		return nil
	case slices.ContainsFunc(theirs, func(v string) bool { return slices.Contains(revisions, v) }), len(theirs) == 0:
		return errNotStateless
	default:
		return unknownRevision(strings.Join(theirs, ", "))
	}
}

package gate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/find"
	"gatehouse/internal/front"
	"gatehouse/internal/policy"
	"gatehouse/internal/rawjson"
)

// arguments are what a call of one of the gateway's tools may carry. Models
// send numbers as strings, objects as strings that hold JSON, and "" for what
// they want to leave out: all of that is accepted.
type arguments struct {
	agentID         string
	includeMetadata bool
	server          string
	tool            string
	names           []string
	pattern         string
	query           string
	limit           int64
	maxSchemaTokens int64 // of get_server_tools, 0 is the default
	args            json.RawMessage
	timeoutMS       int64 // 0 is the server's own
	seen            uint  // which of the known ones were there, by their bit
}

// minTimeoutMS is the shortest timeout_ms that makes sense.
const minTimeoutMS = 100

func parseArguments(tool string, raw json.RawMessage) (arguments, error) {
	var a arguments
	if tool == searchTools {
		a.limit, a.maxSchemaTokens = defaultHits, defaultSearchBudget
	}
	if nothing(raw) {
		raw = json.RawMessage("{}")
	}
	known := argumentNames()[tool]
	var fail error
	ok := rawjson.Each(raw, func(key []byte, start, end int) {
		if fail == nil {
			fail = a.once(tool, key, known)
		}
		if fail == nil {
			fail = a.set(tool, key, raw[start:end], known)
		}
	})
	switch {
	case !ok:
		return a, invalid("The arguments of %s must be a JSON object.", tool)
	case fail != nil:
		return a, fail
	}
	return a, a.missing(tool)
}

// once refuses an argument that is there twice: programs differ in which of the
// two they take.
func (a *arguments) once(tool string, name []byte, known []string) error {
	i := slices.IndexFunc(known, func(k string) bool { return k == string(name) })
	if i < 0 {
		return nil
	}
	if a.seen&(1<<i) != 0 {
		return invalid("The argument %q of %s is there twice. Give it once.", known[i], tool)
	}
	a.seen |= 1 << i
	return nil
}

func (a *arguments) set(tool string, name []byte, value json.RawMessage, known []string) error {
	i := slices.IndexFunc(known, func(k string) bool { return k == string(name) })
	key := "args"
	switch {
	case i >= 0:
		key = known[i]
	case string(name) != "arguments" || tool != executeTool:
		return unknownArgument(tool, string(name), known)
	}
	var err error
	switch key {
	case "agent_id":
		if a.agentID, err = stringOf(value); err != nil {
			return &front.Failure{Code: string(policy.InvalidAgentID), Message: "The argument \"agent_id\" " + err.Error() + "."}
		}
	case "include_metadata":
		a.includeMetadata, err = boolOf(value)
	case "server":
		a.server, err = stringOf(value)
	case "tool":
		a.tool, err = stringOf(value)
	case "names":
		a.names, err = namesOf(value)
	case "pattern":
		a.pattern, err = patternOf(value)
	case "query":
		a.query, err = queryOf(value)
	case "limit":
		a.limit, err = limitOf(value)
	case "max_schema_tokens":
		a.maxSchemaTokens, err = a.budgetOf(tool, value)
	case "timeout_ms":
		a.timeoutMS, err = intOf(value, minTimeoutMS)
	case "args":
		if a.args != nil {
			return invalid("Both args and arguments were given. Put the tool's own parameters in args only.")
		}
		a.args, err = objectOf(value)
	}
	if err != nil {
		return invalid("The argument %q of %s %s.", key, tool, err)
	}
	return nil
}

func (a *arguments) missing(tool string) error {
	var names []string
	if (tool == getServerTools || tool == executeTool) && a.server == "" {
		names = append(names, "server")
	}
	if tool == executeTool && a.tool == "" {
		names = append(names, "tool")
	}
	if tool == searchTools && a.query == "" {
		names = append(names, "query")
	}
	if len(names) > 0 {
		return invalid("%s needs %s.", tool, strings.Join(names, " and "))
	}
	return nil
}

func unknownArgument(tool, key string, known []string) error {
	for _, k := range known {
		if strings.EqualFold(k, key) {
			return invalid("%s has no argument %q. Letter case counts: write it as %q.", tool, front.Shown(key), k)
		}
	}
	if tool == executeTool {
		return invalid("execute_tool has no argument %q. If it is a parameter of the tool, put it inside args. Known: %s.", front.Shown(key), strings.Join(known, ", "))
	}
	return invalid("%s has no argument %q. Known: %s.", tool, front.Shown(key), strings.Join(known, ", "))
}

func invalid(format string, args ...any) error {
	return &front.Failure{Code: front.CodeInvalidArgument, Message: fmt.Sprintf(format, args...)}
}

// argError says in a few words what is wrong with an argument's value.
type argError string

func (e argError) Error() string { return string(e) }

func isNull(v json.RawMessage) bool { return rawjson.First(v) == 'n' }

func stringOf(v json.RawMessage) (string, error) { return textOf(v, maxNameBytes) }

// textOf reads a string of at most that many bytes; null counts as empty.
func textOf(v json.RawMessage, most int) (string, error) {
	var s string
	if plain, ok := rawjson.Plain(v); len(v) > len(`""`)+most*len(`\u0000`) {
		if rawjson.First(v) != '"' {
			return "", argError("must be a string")
		}
		return "", argError(fmt.Sprintf("is longer than %d bytes", most))
	} else if ok {
		s = string(plain)
	} else if err := rawjson.Decode(v, &s); err != nil { // null leaves it empty.
		return "", argError("must be a string")
	}
	if len(s) > most {
		return "", argError(fmt.Sprintf("is longer than %d bytes", most))
	}
	return s, nil
}

// queryOf reads a question: any text but a blank one.
func queryOf(v json.RawMessage) (string, error) {
	query, err := textOf(v, maxQuery)
	if err == nil && strings.TrimSpace(query) == "" {
		return "", argError("must say what to look for, in a few words")
	}
	return query, err
}

// limitOf reads how many hits are wanted; null is the default.
func limitOf(v json.RawMessage) (int64, error) {
	n, err := intOf(v, 1)
	switch {
	case err != nil:
		return 0, err
	case n > find.MaxHits:
		return 0, argError(fmt.Sprintf("must be at most %d", find.MaxHits))
	}
	return cmp.Or(n, defaultHits), nil
}

// budgetOf reads what definitions may cost. A search may want names only.
func (a *arguments) budgetOf(tool string, v json.RawMessage) (int64, error) {
	if tool != searchTools {
		return intOf(v, 1)
	}
	if isNull(v) || string(v) == `""` {
		return a.maxSchemaTokens, nil
	}
	return intOf(v, 0)
}

// patternOf reads a pattern as the rules have them.
func patternOf(v json.RawMessage) (string, error) {
	pattern, err := stringOf(v)
	if err == nil && strings.ContainsAny(pattern, "?[]") {
		return "", argError(`must not contain ?, [ or ]: * is the only wildcard`)
	}
	return pattern, err
}

// What an agent may send is limited: a string that is a name, names at once,
// the bytes of what holds many, and those of a number.
const (
	maxNameBytes   = 4096
	maxNames       = 1000
	maxNamesBytes  = 64 << 10
	maxNumberBytes = 400
)

func boolOf(v json.RawMessage) (bool, error) {
	switch string(v) {
	case "true":
		return true, nil
	case "false", "null":
		return false, nil
	}
	switch s, _ := stringOf(v); strings.ToLower(s) {
	case "true":
		return true, nil
	case "false", "":
		if rawjson.First(v) == '"' {
			return false, nil
		}
	}
	return false, argError("must be true or false")
}

func intOf(v json.RawMessage, least int64) (int64, error) {
	text := string(v)
	if rawjson.First(v) == '"' {
		s, err := stringOf(v)
		if err != nil {
			return 0, err
		}
		text = strings.TrimSpace(s)
	}
	switch {
	case text == "" || isNull(v):
		return 0, nil
	case len(text) > maxNumberBytes:
		return 0, argError("must be an integer")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(text, 64) // 100.0 and 1e3 are integers too.
		if n = int64(f); ferr != nil || float64(n) != f {
			return 0, argError("must be an integer")
		}
	}
	if n < least {
		return 0, argError(fmt.Sprintf("must be at least %d", least))
	}
	return n, nil
}

func namesOf(v json.RawMessage) ([]string, error) {
	switch {
	case isNull(v):
		return nil, nil
	case len(v) > maxNamesBytes:
		return nil, argError(fmt.Sprintf("is longer than %d bytes", maxNamesBytes))
	case rawjson.First(v) == '[':
		return namesInArray(v)
	}
	s, err := textOf(v, maxNamesBytes)
	if err != nil {
		return nil, err
	}
	var names []string
	for n := range strings.SplitSeq(s, ",") {
		if names, err = withName(names, n); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// namesInArray reads them one by one: decoded at once, empty strings would take
// several times their size.
func namesInArray(v json.RawMessage) (names []string, err error) {
	end := rawjson.Array(v, rawjson.Space(v, 0), 0, func(i int) int {
		end := rawjson.Skip(v, i, 1)
		switch {
		case end > 0 && rawjson.IsNull(v[i:end]):
			return end // Some write it for no name.
		case end < 0 || v[i] != '"':
			return -1
		}
		if names, err = withName(names, rawjson.Text(v[i:end])); err != nil {
			return -1
		}
		return end
	})
	switch {
	case err != nil:
		return nil, err
	case end < 0:
		return nil, argError("must be names, comma-separated or as an array of strings")
	}
	return names, nil
}

// withName adds a name unless it is there already or empty.
func withName(names []string, name string) ([]string, error) {
	if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
		names = append(names, name)
	}
	if len(names) > maxNames || len(name) > maxNameBytes {
		return nil, argError(fmt.Sprintf("must be at most %d names of at most %d bytes", maxNames, maxNameBytes))
	}
	return names, nil
}

// nothing reports whether a value in the place of an object stands for one without
// members: clients and models write null, "" and [] where there is nothing to say.
func nothing(v json.RawMessage) bool {
	switch rawjson.First(v) {
	case 0, 'n':
		return true
	case '[':
		i := rawjson.Space(v, 0) + 1
		return v[rawjson.Space(v, i)] == ']'
	case '"':
		var s string
		if rawjson.Decode(v, &s) != nil {
			return false
		}
		switch strings.TrimSpace(s) {
		case "", "null", "[]":
			return true
		}
	}
	return false
}

// objectOf returns an object's own bytes; nil for what stands for nothing.
func objectOf(v json.RawMessage) (json.RawMessage, error) {
	switch first := rawjson.First(v); {
	case first == '{':
		return v, nil
	case nothing(v):
		return nil, nil
	case first == '"':
		var s string
		if err := rawjson.Decode(v, &s); err != nil {
			return nil, argError("must be an object")
		}
		inner := json.RawMessage(s)
		if rawjson.First(inner) == '{' && rawjson.Valid(inner) {
			return inner, nil
		}
	}
	return nil, argError("must be an object, or a string that holds a JSON object")
}

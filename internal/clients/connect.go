package clients

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tomldoc"
	"gatehouse/internal/yamldoc"
)

// Taken is a server that was taken out of a client's configuration: its name, and
// what was written of it. Twice is set if there was more of that name, which is lost.
type Taken struct {
	Name  string `json:"name"`
	Text  string `json:"text"`
	Twice bool   `json:"twice,omitempty"`
}

// CanConnect reports whether gatehouse can be entered in the client.
func (c *Client) CanConnect() bool { return c.connect != nil }

// After is what happens once gatehouse is entered, for people.
func (c *Client) After() string { return c.connect.after }

// Keys lead to the servers in the file that is written.
func (c *Client) Keys() []string { return c.connect.keys }

// ConnectFile is the file in which gatehouse is entered; empty if this system has
// no place for it. exists reports whether there is anything at a path.
func (c *Client) ConnectFile(p Place, exists func(string) bool) string {
	path := c.connect.file(p, c.files(p), exists)
	if !filepath.IsAbs(path) {
		return ""
	}
	return path
}

// Connect returns a client's configuration with gatehouse in it, in place of an
// entry of that name, and without these servers. It returns what it took out; a
// server that is not there, or is written in a form that cannot be taken out line
// by line, stays. Where a name is there twice, both go, and the last, which is the one
// that counts, is returned. Nothing else changes.
func (c *Client) Connect(path string, src []byte, command Command, without []string) (after []byte, taken []Taken, err error) {
	after = src
	for _, name := range without {
		var last *Taken
		for changed, text, found := c.remove(path, after, name); found; changed, text, found = c.remove(path, after, name) {
			after, last = changed, &Taken{name, text, last != nil}
		}
		if last != nil {
			taken = append(taken, *last)
		}
	}
	after, err = c.set(path, after, c.connect.entry(command))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot enter gatehouse in %s: %w", path, err)
	}
	return after, taken, nil
}

// Disconnect returns a client's configuration without gatehouse, however often it is
// there, and with what was taken out, unless something of that name is there by now. It returns the names
// that it could not put back.
func (c *Client) Disconnect(path string, src []byte, taken []Taken) (after []byte, lost []string) {
	after = src
	for c.Connected(path, after) {
		after, _, _ = c.remove(path, after, EntryName)
	}
	for _, t := range taken {
		if _, _, there := c.remove(path, after, t.Name); there {
			continue
		}
		back, err := c.putBack(path, after, t)
		if err != nil {
			lost = append(lost, t.Name)
			continue
		}
		after = back
	}
	return after, lost
}

// Connected reports whether gatehouse is in a client's configuration.
func (c *Client) Connected(path string, src []byte) bool { return c.Has(path, src, EntryName) }

// Has reports whether a server is in a client's configuration.
func (c *Client) Has(path string, src []byte, name string) bool {
	_, _, found := c.remove(path, src, name)
	return found
}

func isYAML(path string) bool { return filepath.Ext(path) == ".yaml" || filepath.Ext(path) == ".yml" }

func (c *Client) remove(path string, src []byte, name string) (after []byte, text string, found bool) {
	keys := c.connect.keys
	switch {
	case filepath.Ext(path) == ".toml":
		return tomldoc.Remove(src, append(slices.Clip(keys), name))
	case isYAML(path):
		return yamldoc.Remove(src, keys[0], name, c.connect.listed)
	}
	after, value, found := jsondoc.Remove(src, keys, name)
	return after, string(value), found
}

func (c *Client) putBack(path string, src []byte, t Taken) ([]byte, error) {
	keys := c.connect.keys
	switch {
	case filepath.Ext(path) == ".toml":
		return tomldoc.Append(src, t.Text, append(slices.Clip(keys), t.Name))
	case isYAML(path):
		return yamldoc.Append(src, keys[0], t.Name, c.connect.listed, t.Text)
	}
	return jsondoc.Set(src, keys, t.Name, json.RawMessage(t.Text))
}

// Once returns an error if a key that leads to gatehouse's entry, or that itself, is there
// twice: Connect would change the first, while the client reads the last.
func (c *Client) Once(path string, src []byte) error {
	keys := c.connect.keys
	key, line := "", 0
	switch {
	case filepath.Ext(path) == ".toml": // There it is an error anyway.
	case isYAML(path):
		key, line = yamldoc.Twice(src, keys[0], EntryName, c.connect.listed)
	default:
		key, line = jsondoc.Twice(src, append(slices.Clip(keys), EntryName))
	}
	if line == 0 {
		return nil
	}
	return fmt.Errorf("cannot enter gatehouse in %s: %s is there twice, the second time in line %d, and %s reads one of them: make one of both, then try again",
		path, jsondoc.Quote(key), line, c.Title)
}

func (c *Client) set(path string, src []byte, entry []field) ([]byte, error) {
	keys := c.connect.keys
	switch {
	case filepath.Ext(path) == ".toml":
		return tomldoc.Set(src, append(slices.Clip(keys), EntryName), tomlBody(entry))
	case isYAML(path):
		return yamldoc.Set(src, keys[0], EntryName, c.connect.listed, yamlLines(entry, c.connect.listed))
	}
	return jsondoc.Set(src, keys, EntryName, jsonOf(entry))
}

// jsonOf writes a value of an entry as JSON.
func jsonOf(value any) json.RawMessage {
	switch v := value.(type) {
	case string:
		return rawjson.AppendString(nil, v)
	case bool:
		return strconv.AppendBool(nil, v)
	case int:
		return strconv.AppendInt(nil, int64(v), 10)
	case []string:
		parts := make([]string, len(v))
		for i, s := range v {
			parts[i] = string(rawjson.AppendString(nil, s))
		}
		return json.RawMessage("[" + strings.Join(parts, ", ") + "]")
	case []field:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = string(rawjson.AppendString(nil, f.key)) + ":" + string(jsonOf(f.value))
		}
		return json.RawMessage("{" + strings.Join(parts, ",") + "}")
	}
	return json.RawMessage("null")
}

// tomlBody writes the keys and values of a table.
func tomlBody(entry []field) string {
	var b strings.Builder
	for _, f := range entry {
		text := string(jsonOf(f.value))
		if list, ok := f.value.([]string); ok {
			parts := make([]string, len(list))
			for i, s := range list {
				parts[i] = tomldoc.String(s)
			}
			text = "[" + strings.Join(parts, ", ") + "]"
		} else if s, ok := f.value.(string); ok {
			text = tomldoc.String(s)
		}
		b.WriteString(f.key + " = " + text + "\n")
	}
	return b.String()
}

// yamlLines writes an entry of a mapping, or of a list. Texts are quoted as in
// JSON, which YAML reads the same.
func yamlLines(entry []field, listed bool) []string {
	var lines []string
	if !listed {
		lines = append(lines, EntryName+":")
	}
	for i, f := range entry {
		indent := "  "
		if listed && i == 0 {
			indent = "- "
		}
		text := string(jsonOf(f.value))
		if s, ok := f.value.(string); ok && jsondoc.PlainWord(s) {
			text = s
		}
		lines = append(lines, indent+f.key+": "+text)
	}
	return lines
}

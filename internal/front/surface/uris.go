package surface

import (
	"encoding/json"
	"strings"

	"gatehouse/internal/rawjson"
)

// scheme begins the URIs of resources where those of all servers stand beside each
// other: gatehouse://SERVER/ and the server's own URI, as it is.
const scheme = "gatehouse://"

// uriPrefix is what stands before the URIs of a server. Only the server's name is
// encoded.
func uriPrefix(server string) string {
	const digits = "0123456789ABCDEF"
	out := []byte(scheme)
	for i := range len(server) {
		if c := server[i]; isPlainByte(c) || c == '.' || c == '~' {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(append(out, '/'))
}

// splitURI takes a prefixed URI apart. The server's name must be written as
// uriPrefix writes it: a URI has one spelling.
func splitURI(prefixed string) (server, uri string, ok bool) {
	rest, ok := strings.CutPrefix(prefixed, scheme)
	encoded, uri, found := strings.Cut(rest, "/")
	if !ok || !found || uri == "" {
		return "", "", false
	}
	server, ok = unescaped(encoded)
	return server, uri, ok && uriPrefix(server) == scheme+encoded+"/"
}

// unescaped decodes percent-encoded bytes.
func unescaped(text string) (string, bool) {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out = append(out, text[i])
			continue
		}
		if i+2 >= len(text) || !isHexByte(text[i+1]) || !isHexByte(text[i+2]) {
			return "", false
		}
		out = append(out, hexValue(text[i+1])<<4|hexValue(text[i+2]))
		i += 2
	}
	return string(out), true
}

func isHexByte(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}

// withPrefix is an object whose member is a URI, with the prefix before that.
// All else stays as it is.
func withPrefix(object json.RawMessage, member, prefix string) json.RawMessage {
	value := rawjson.Get(object, member)
	if rawjson.First(value) != '"' {
		return object
	}
	quoted := rawjson.AppendString(nil, prefix)
	rest := value[strings.IndexByte(string(value), '"')+1:]
	return rawjson.Set(object, member, append(quoted[:len(quoted)-1], rest...))
}

// prefixedContents is a result of resources/read with the prefix before the URIs of
// its contents.
func prefixedContents(result json.RawMessage, prefix string) json.RawMessage {
	contents := rawjson.Get(result, "contents")
	out := []byte{'['}
	end := rawjson.Array(contents, rawjson.Space(contents, 0), 0, func(i int) int {
		end := rawjson.Skip(contents, i, 1)
		if end < 0 {
			return -1
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, withPrefix(contents[i:end], "uri", prefix)...)
		return end
	})
	if end < 0 {
		return result // It is no list: the client says what it thinks of that.
	}
	return rawjson.Set(result, "contents", append(out, ']'))
}

// matchesTemplate reports whether a URI may be one of a template: what stands
// between its expressions is there, in order.
func matchesTemplate(template, uri string) bool {
	var literals []string
	for {
		before, rest, found := strings.Cut(template, "{")
		literals = append(literals, before)
		if !found {
			break
		}
		if _, template, found = strings.Cut(rest, "}"); !found {
			return false
		}
	}
	if len(literals) == 1 {
		return uri == literals[0]
	}
	last := literals[len(literals)-1]
	rest, ok := strings.CutPrefix(uri, literals[0])
	if !ok || !strings.HasSuffix(rest, last) {
		return false
	}
	rest = rest[:len(rest)-len(last)]
	for _, literal := range literals[1 : len(literals)-1] {
		at := strings.Index(rest, literal)
		if at < 0 {
			return false
		}
		rest = rest[at+len(literal):]
	}
	return true
}

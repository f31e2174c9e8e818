package httpauth

import (
	"net/url"
	"strings"
)

const (
	gatePath   = "/mcp"
	allPath    = "/all" + gatePath
	serversDir = "/servers/"
)

// surfacePath is the path of a surface beside the gate, as it is written but for a
// slash at its end; "" if it is none of those. Whether there is such a server does not
// matter.
func surfacePath(escaped string) string {
	path := strings.TrimSuffix(escaped, "/")
	if path == allPath {
		return path
	}
	name, ok := strings.CutPrefix(path, serversDir)
	if name, isMCP := strings.CutSuffix(name, gatePath); ok && isMCP && name != "" && !strings.Contains(name, "/") {
		return path
	}
	return ""
}

// audiencesAt are for whom access tokens may be meant, beside the gateway as a whole,
// at a path: for the surface that is there, if the gateway's own audience is the url of
// its gate. They differ in how the name of a server is escaped.
func audiencesAt(audience, escaped string) []string {
	base, ok := strings.CutSuffix(strings.TrimRight(audience, "/"), gatePath)
	surface := surfacePath(escaped)
	if !ok || surface == "" || !strings.Contains(base, "://") {
		return nil
	}
	also := []string{base + surface}
	if plain, err := url.PathUnescape(surface); err == nil && surface != allPath {
		name := strings.TrimSuffix(strings.TrimPrefix(plain, serversDir), gatePath)
		if canonical := base + serversDir + url.PathEscape(name) + gatePath; canonical != also[0] {
			also = append(also, canonical)
		}
	}
	return also
}

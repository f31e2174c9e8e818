package fleet

import "strings"

// DigestName is under which name an Ack has the digest of a variable of a server.
func DigestName(server, variable string) string { return server + "\x00" + variable }

// splitDigestName undoes DigestName.
func splitDigestName(name string) (server, variable string) {
	server, variable, _ = strings.Cut(name, "\x00")
	return server, variable
}

package surface

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxJoined is the longest name that joins a server's and a tool's: clients put
// their own in front, and many take 64 bytes in all.
const maxJoined = 48

// joint stands between a server and a tool, or a prompt, in a joined name.
const joint = "__"

// hashDigits is how many digits of a hash end a name that could not stay as it is.
const hashDigits = 8

// JoinedName is the name of a server's tool or prompt where those of all servers
// stand beside each other: SERVER__TOOL if clients take that and it can mean
// nothing else. Otherwise what does not fit becomes "_", the whole is cut, and a
// hash of both names ends it. It depends on nothing but the two names.
func JoinedName(server, name string) string {
	joined := server + joint + name
	if len(joined) <= maxJoined && isPlain(joined) && !hasJoint(server, name) && !endsLikeHash(joined) {
		return joined
	}
	sum := sha256.Sum256([]byte(server + "\x00" + name))
	joined = strings.Map(func(r rune) rune {
		if r < 0x80 && isPlainByte(byte(r)) { //nolint:gosec // It is one byte.
			return r
		}
		return '_'
	}, joined)
	return joined[:min(len(joined), maxJoined-hashDigits-1)] + "_" + hex.EncodeToString(sum[:])[:hashDigits]
}

// splitName takes a joined name apart that is as the two names are. ok is false
// for one with a hash.
func splitName(joined string) (server, name string, ok bool) {
	server, name, ok = strings.Cut(joined, joint)
	return server, name, ok && JoinedName(server, name) == joined
}

// hasJoint reports whether the joint could be seen at another place than between
// the names.
func hasJoint(server, name string) bool {
	return server == "" || name == "" || strings.Contains(server, joint) || strings.Contains(name, joint) ||
		strings.HasSuffix(server, "_") || strings.HasPrefix(name, "_")
}

// endsLikeHash reports whether a name could be taken for one that ends in a hash:
// a server must not be able to give a tool the name that another's has.
func endsLikeHash(name string) bool {
	at := len(name) - hashDigits - 1
	return at >= 0 && name[at] == '_' && strings.Trim(name[at+1:], "0123456789abcdef") == ""
}

func isPlain(name string) bool {
	for i := range len(name) {
		if !isPlainByte(name[i]) {
			return false
		}
	}
	return true
}

func isPlainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

//go:build unix

package wire_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// combine varies some of the members of a message at once.
func (s shape) combine(r *rand.Rand) string {
	return s.text(func(f field, text string) string {
		odd := func(list []string) string { return list[r.IntN(len(list))] }
		switch r.IntN(24) {
		case 0:
			return ""
		case 1:
			return text + "," + text
		case 2:
			return fmt.Sprintf("%q:%s", f.key, odd(oddValues))
		case 3:
			return fmt.Sprintf("%s,%q:%s", text, f.key, odd(oddValues))
		case 4:
			return fmt.Sprintf(`%s,"%s":%s`, text, odd(spellings(f.key)), odd(oddValues))
		case 5:
			return fmt.Sprintf(`"%s":%s`, odd(spellings(f.key)), odd(oddValues))
		default:
			return text
		}
	})
}

// tokens are what messages are made of, and what they must not be made of.
var tokens = []string{
	`{`, `}`, `[`, `]`, `,`, `:`, `"`, `\`, `\u0065`, `\ud800`, `null`, `true`, `1.0`, `1e400`, `-`, `9007199254740993`, "\xff", "\ufeff", "\x00", " ", "\t",
	`"id":2,`, `"id":null,`, `"jsonrpc":"2.0",`, `"method":"ping",`, `"params":{},`, `"name":"list_servers",`, `"arguments":{},`, `"_meta":{},`,
	`"progressToken":1,`, `"server":"web",`, `"args":{},`, `"arguments":null,`, `"x":1,`, `"io.modelcontextprotocol/protocolVersion":"2026-07-28",`,
}

// mutate changes a message in one to four places.
func mutate(r *rand.Rand, body []byte) []byte {
	body = bytes.Clone(body)
	for range 1 + r.IntN(4) {
		at := r.IntN(len(body) + 1)
		to := min(len(body), at+1+r.IntN(8))
		switch r.IntN(6) {
		case 0: // Cut.
			body = append(body[:at:at], body[to:]...)
		case 1: // Repeat.
			body = bytes.Join([][]byte{body[:to], body[at:]}, nil)
		case 2: // Another byte.
			if at < len(body) {
				body[at] = byte(r.Uint32())
			}
		case 3: // Another letter's case, or another digit.
			if at < len(body) {
				body[at] ^= 0x20 >> r.IntN(6)
			}
		default:
			body = bytes.Join([][]byte{body[:at], []byte(tokens[r.IntN(len(tokens))]), body[at:]}, nil)
		}
	}
	return body
}

package tomldoc

import "bytes"

// Comments are the places of what the comments of a valid TOML file say, each with its
// end: a sign outside of a text begins one, whatever is before it.
func Comments(src []byte) (found [][2]int) {
	for at := 0; at < len(src); {
		switch src[at] {
		case '#':
			end := len(src)
			if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
				end = at + i
			}
			found = append(found, [2]int{at + 1, end})
			at = end
		case '"', '\'':
			at = endOfText(src, at)
		default:
			at++
		}
	}
	return found
}

// endOfText is the place behind a text that begins at another.
func endOfText(src []byte, at int) int {
	quote := src[at]
	end := bytes.Repeat([]byte{quote}, 3)
	if !bytes.HasPrefix(src[at:], end) {
		end = end[:1]
	}
	for at += len(end); at < len(src); at++ {
		switch {
		case src[at] == '\\' && quote == '"':
			at++
		case bytes.HasPrefix(src[at:], end):
			at += len(end)
			for range len(end) - 1 { // A long text may end with two quotes of its own.
				if at < len(src) && src[at] == quote {
					at++
				}
			}
			return at
		}
	}
	return len(src)
}

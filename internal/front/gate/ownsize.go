package gate

import (
	"bytes"
	"encoding/json"

	"gatehouse/internal/front"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/weight"
)

// An answer of the gateway's own has at most 2 MB: so much for what it is about,
// and the rest for what it says of that.
const maxOwnBytes = 1_600_000

// inAnswer is how many bytes a value takes in an answer: once as JSON, and once
// more as the text of that.
func inAnswer(raw json.RawMessage) int {
	escapes := bytes.Count(raw, []byte{'"'}) + bytes.Count(raw, []byte{'\\'}) + 3*bytes.Count(raw, []byte("\xe2\x80"))
	return 2*len(raw) + escapes
}

// ownCopies is how often an answer of the gateway's own is held while it is put
// together.
const ownCopies = 4

// weigh takes the bytes of an answer of the gateway's own, before it is put
// together.
func (c *call) weigh(size int) error {
	switch c.Sent.Weight.Answer(ownCopies*size, serversfile.DefaultSettings().MaxResultBytes) {
	case weight.NoRoom:
		return &front.Failure{
			Code: front.CodeOverloaded, RetryAfterMS: 1000,
			Message: "The gateway holds too many large messages; not run. Try again after 1 s, at most twice, then tell the user.",
		}
	case weight.TooMuch:
		return &front.Failure{
			Code:    front.CodeResultTooLarge,
			Message: "The answers of this batch are together too large, and this one was dropped. Make fewer calls at once.",
		}
	case weight.Fits:
	}
	return nil
}

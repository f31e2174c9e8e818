package servers

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// Limits of a server's error, in bytes: beyond maxErrorBytes it is passed on
// without its data, with so much of its message.
const (
	maxErrorBytes   = 256 << 10
	maxErrorMessage = 16 << 10
	maxErrorCode    = 64
)

// shortError is a copy of an error object that is not larger than it may be.
func shortError(failure json.RawMessage) json.RawMessage {
	if len(failure) <= maxErrorBytes {
		return bytes.Clone(failure)
	}
	code := rawjson.Get(failure, "code")
	if code == nil || len(code) > maxErrorCode {
		code = json.RawMessage("0")
	}
	message := textcut.Marked(rawjson.Text(rawjson.Get(failure, "message")), maxErrorMessage)
	out := append(append(json.RawMessage(`{"code":`), code...), `,"message":`...)
	out = rawjson.AppendString(out, message)
	return fmt.Appendf(out, `,"data":"[an error of %d bytes, of which this is not shown]"}`, len(failure))
}

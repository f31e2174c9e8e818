package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// appendRecord is appendLine for records. There is one for each call, so it
// writes what encoding/json would, but without reflection.
func appendRecord(buf *bytes.Buffer, r Record) error {
	if math.IsNaN(r.LatencyMS) || math.IsInf(r.LatencyMS, 0) || r.Timestamp.Year() < 0 || r.Timestamp.Year() > 9999 {
		return appendLine(buf, r) // It says why this can't be encoded.
	}
	b := append(buf.AvailableBuffer(), `{"v":`...)
	b = strconv.AppendInt(b, int64(r.V), 10)
	b = append(b, `,"timestamp":"`...)
	b = append(r.Timestamp.AppendFormat(b, time.RFC3339Nano), '"')
	b = appendOptional(b, `,"event":`, r.Event)
	b = appendText(append(b, `,"call_id":`...), r.CallID)
	b = appendText(append(b, `,"instance":`...), r.Instance)
	b = strconv.AppendUint(append(b, `,"seq":`...), r.Seq, 10)
	b = appendOptional(b, `,"node":`, r.Node)
	b = appendOptional(b, `,"agent_id":`, r.AgentID)
	b = appendOptional(b, `,"requested_agent":`, r.RequestedAgent)
	b = appendOptional(b, `,"credential":`, r.Credential)
	b = appendOptional(b, `,"client":`, r.Client)
	b = appendText(append(b, `,"operation":`...), r.Operation)
	b = appendOptional(b, `,"server":`, r.Server)
	b = appendOptional(b, `,"tool":`, r.Tool)
	b = appendOptional(b, `,"resource":`, r.Resource)
	b = appendOptional(b, `,"prompt":`, r.Prompt)
	b = appendOptional(b, `,"annotations":`, r.Annotations)
	b = appendText(append(b, `,"decision":`...), string(r.Decision))
	b = appendOptional(b, `,"step":`, r.Step)
	b = appendOptional(b, `,"rule":`, r.Rule)
	b = strconv.AppendUint(append(b, `,"generation":`...), r.Generation, 10)
	b = appendOptional(b, `,"policy_hash":`, r.PolicyHash)
	b = appendText(append(b, `,"outcome":`...), r.Outcome)
	b = appendOptional(b, `,"trace_id":`, r.TraceID)
	b = appendOptional(b, `,"owner":`, r.Owner)
	if r.Epoch != 0 {
		b = strconv.AppendInt(append(b, `,"epoch":`...), r.Epoch, 10)
	}
	if r.Hits != 0 {
		b = strconv.AppendInt(append(b, `,"hits":`...), int64(r.Hits), 10)
	}
	b = appendNumber(append(b, `,"latency_ms":`...), r.LatencyMS)
	buf.Write(append(b, "}\n"...))
	return nil
}

// appendOptional appends a member, or nothing where the text is empty.
func appendOptional(b []byte, key, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(append(b, key...), text)
}

// appendText appends a string. What is not printable ASCII takes the slow way.
func appendText(b []byte, text string) []byte {
	start := len(b)
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return appendEscaped(b[:start], text)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func appendEscaped(b []byte, text string) []byte {
	var quoted bytes.Buffer
	if err := appendLine(&quoted, text); err != nil { // A string always encodes.
		panic(fmt.Sprintf("internal: cannot encode a string: %v", err))
	}
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte{'\n'})...)
}

// appendNumber appends a number that is neither tiny nor huge without help.
func appendNumber(b []byte, n float64) []byte {
	if n == 0 || n >= 1e-6 && n < 1e21 {
		return strconv.AppendFloat(b, n, 'f', -1, 64)
	}
	text, err := json.Marshal(n)
	if err != nil { // A finite number always encodes.
		panic(fmt.Sprintf("internal: cannot encode a number: %v", err))
	}
	return append(b, text...)
}

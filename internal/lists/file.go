package lists

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// A file is {"seal":"HEX","list":BODY} and a line break. BODY is an object with
// the time at which the list was read, what the server said of itself, and its
// definitions, byte for byte.
const (
	fileExt = ".json"
	opening = `{"seal":"`
	between = `","list":`
	closing = "}\n"
	// serverKey is where what is hashed of a body begins.
	serverKey = `"server":`
	sumBytes  = sha256.Size
	hexBytes  = 2 * sumBytes
)

// about is what is kept of a server beside its tools.
type about struct {
	Name         string `json:"name,omitempty"`
	Title        string `json:"title,omitempty"`
	Version      string `json:"version,omitempty"`
	Description  string `json:"description,omitempty"`
	Instructions string `json:"instructions,omitempty"`
}

// pack returns the body of a catalog's file, and a hash of all of it but the
// time.
func pack(c *endpoint.Catalog, now time.Time) (body []byte, sum [sumBytes]byte) {
	var rest bytes.Buffer
	i := c.Info
	rest.WriteString(serverKey)
	rest.Write(mustJSON(about{Name: i.Name, Title: i.Title, Version: i.Version, Description: i.Description, Instructions: i.Instructions}))
	rest.WriteString(`,"warning":`)
	rest.Write(mustJSON(c.Warning))
	rest.WriteString(`,"tools":[`)
	for n, t := range c.Tools {
		if n > 0 {
			rest.WriteByte(',')
		}
		rest.Write(t.Raw)
	}
	rest.WriteString("]}")
	body = append([]byte(`{"at":`), mustJSON(now.UTC())...)
	body = append(append(body, ','), rest.Bytes()...)
	return body, sha256.Sum256(rest.Bytes())
}

// mustJSON is rawjson.Marshal for values that can only fail to encode by a bug.
func mustJSON(v any) json.RawMessage {
	raw, err := rawjson.Marshal(v)
	if err != nil {
		panic("internal: " + err.Error())
	}
	return raw
}

// seal returns the file of a body.
func seal(k key, fingerprint string, body []byte) []byte {
	out := make([]byte, 0, len(opening)+hexBytes+len(between)+len(body)+len(closing))
	out = hex.AppendEncode(append(out, opening...), k.seal(fingerprint, body))
	return append(append(append(out, between...), body...), closing...)
}

// open returns the catalog that a file holds. ok is false for a file that is not
// byte for byte what was written with this key for this fingerprint.
func open(k key, fingerprint string, data []byte) (c endpoint.Catalog, sum [sumBytes]byte, ok bool) {
	body, opened := bytes.CutPrefix(data, []byte(opening))
	body, closed := bytes.CutSuffix(body, []byte(closing))
	if !opened || !closed || len(body) < hexBytes+len(between) {
		return c, sum, false
	}
	sealed, err := hex.DecodeString(string(body[:hexBytes]))
	body, parted := bytes.CutPrefix(body[hexBytes:], []byte(between))
	if err != nil || !parted || !hmac.Equal(sealed, k.seal(fingerprint, body)) {
		return c, sum, false
	}
	return unpack(body)
}

// unpack is the way back from pack.
func unpack(body []byte) (c endpoint.Catalog, sum [sumBytes]byte, ok bool) {
	var head struct {
		At      time.Time `json:"at"`
		Server  about     `json:"server"`
		Warning string    `json:"warning"`
	}
	if !rawjson.Valid(body) || rawjson.Decode(body, &head) != nil || !bytes.Contains(body, []byte(serverKey)) {
		return c, sum, false
	}
	list := rawjson.Get(body, "tools")
	end := rawjson.Array(list, 0, 0, func(i int) int {
		end := rawjson.Skip(list, i, 1)
		name := rawjson.Text(rawjson.Get(list[i:end], "name"))
		if name == "" {
			return -1
		}
		c.Tools = append(c.Tools, endpoint.Tool{Name: name, Raw: list[i:end:end]})
		return end
	})
	s := head.Server
	c.At, c.Warning = head.At, head.Warning
	c.Info = endpoint.ServerInfo{Name: s.Name, Title: s.Title, Version: s.Version, Description: s.Description, Instructions: s.Instructions}
	return c, sha256.Sum256(body[bytes.Index(body, []byte(serverKey)):]), end == len(list)
}

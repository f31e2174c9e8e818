package resolve

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"reflect"
	"strconv"

	"gatehouse/internal/serversfile"
)

// specFingerprint is the lower-case hex SHA-256 of an unambiguous encoding of s.
// Two specs have the same fingerprint exactly when they are equal, nil and
// empty lists taken for the same.
func specFingerprint(s Spec) string {
	h := sha256.New()
	writeText(h, "spec 1", string(s.Transport), s.Command, s.Cwd, s.URL)
	writeText(h, strconv.Itoa(len(s.Args)))
	writeText(h, s.Args...)
	writeMap(h, s.Env)
	writeMap(h, s.Headers)
	if s.Scope != "" { // What is known of servers by older fingerprints stays known.
		writeText(h, "scope", string(s.Scope))
	}
	writeAuth(h, s.Auth)
	return hex.EncodeToString(h.Sum(nil))
}

// writeAuth writes nothing where nothing is set: what is known of servers by their
// fingerprints stays known.
func writeAuth(h hash.Hash, a serversfile.Auth) {
	if reflect.DeepEqual(a, serversfile.Auth{}) {
		return
	}
	writeText(h, "auth", string(a.Type), a.ClientID, a.ClientSecret, a.ClientMetadataURL, a.Issuer, a.Account, a.Method, a.RedirectURI, strconv.Itoa(a.CallbackPort))
	writeText(h, strconv.Itoa(len(a.Scopes)))
	writeText(h, a.Scopes...)
	if a.Resource != nil {
		writeText(h, "resource", *a.Resource)
	}
	writeMap(h, a.Params)
}

func fingerprint(texts ...string) string {
	h := sha256.New()
	writeText(h, texts...)
	return hex.EncodeToString(h.Sum(nil))
}

// writeText writes each text after its length, so that no two lists of texts
// are written alike.
func writeText(h hash.Hash, texts ...string) {
	for _, t := range texts {
		h.Write(binary.AppendUvarint(nil, uint64(len(t))))
		h.Write([]byte(t))
	}
}

func writeMap(h hash.Hash, m map[string]string) {
	writeText(h, strconv.Itoa(len(m)))
	for _, k := range sortedKeys(m) {
		writeText(h, k, m[k])
	}
}

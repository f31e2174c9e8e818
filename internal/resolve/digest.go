package resolve

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"gatehouse/internal/vars"
)

// Digests returns, for each variable that the entry itself mentions, a digest of its
// value under a key: two machines have the same one exactly if they expand it alike.
// Who has the key can try values, so short secrets can be guessed from it. What env_pass
// lets through is not among them, nor what belongs to a machine: userHome and
// workspaceFolder.
func (s Server) Digests(key []byte) map[string]string {
	digests := map[string]string{}
	for _, r := range s.References {
		if r.passed || vars.IsPlace(r.Variable) {
			continue
		}
		mac := hmac.New(sha256.New, key)
		state := "unset"
		if r.set {
			state = "set"
		}
		writeText(mac, s.Entry.Name, r.Variable, state, r.value)
		digests[r.Variable] = hex.EncodeToString(mac.Sum(nil)[:16])
	}
	return digests
}

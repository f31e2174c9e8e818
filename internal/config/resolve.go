package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"strconv"
	"strings"
)

// Resolved is one entry after the expansion of its variables. It holds secrets
// and must never be logged.
type Resolved struct {
	Entry Entry
	// Expansion has an empty Spec when the entry is disabled or has a Problem.
	Expansion
	// Problem says why the server is misconfigured, empty when it is not. It
	// names fields and variables, never values.
	Problem string
	// Fingerprint is equal for two versions of a server exactly when its
	// process or connection may go on.
	Fingerprint string
}

// Resolve expands every entry, in the order of the file. Each file is read
// once, so that all entries see the same content. An entry that cannot be
// expanded is part of the result, with its Problem; a disabled one is not
// expanded at all.
func Resolve(servers Servers, env Env) []Resolved {
	env.ReadFile = once(env.ReadFile)
	list := make([]Resolved, 0, len(servers.Entries))
	for _, e := range servers.Entries {
		list = append(list, resolve(e, env))
	}
	return list
}

func resolve(e Entry, env Env) Resolved {
	r := Resolved{Entry: e}
	if e.Disabled {
		r.Fingerprint = fingerprintText("disabled")
		return r
	}
	expansion, err := Expand(e, env)
	r.Expansion = expansion
	if err != nil {
		r.Problem = err.Error()
		if trouble, ok := errors.AsType[*ExpandError](err); ok {
			r.Problem = strings.Join(trouble.Reasons, "; ")
		}
		// What is written counts too: a changed entry gets a new try in the
		// eyes of whoever waits for it.
		r.Fingerprint = fingerprintText("misconfigured", r.Problem, Fingerprint(written(e)))
		return r
	}
	r.Fingerprint = Fingerprint(r.Spec)
	return r
}

// written is an entry's spec before expansion.
func written(e Entry) Spec {
	return Spec{
		Transport: e.Transport, Command: e.Command, Args: e.Args, Env: e.Env, Cwd: e.Cwd, URL: e.URL,
		Headers: e.Headers,
	}
}

// once remembers what read gave for each path.
func once(read func(string) ([]byte, error)) func(string) ([]byte, error) {
	type content struct {
		src []byte
		err error
	}
	seen := map[string]content{}
	return func(path string) ([]byte, error) {
		c, known := seen[path]
		if !known {
			c.src, c.err = read(path)
			seen[path] = c
		}
		return c.src, c.err
	}
}

// Fingerprint is the lower-case hex SHA-256 of an unambiguous encoding of s.
// Two specs have the same fingerprint exactly when they are equal, nil and
// empty lists taken for the same.
func Fingerprint(s Spec) string {
	h := sha256.New()
	writeText(h, "spec 1", string(s.Transport), s.Command, s.Cwd, s.URL)
	writeText(h, strconv.Itoa(len(s.Args)))
	writeText(h, s.Args...)
	writeMap(h, s.Env)
	writeMap(h, s.Headers)
	return hex.EncodeToString(h.Sum(nil))
}

func fingerprintText(texts ...string) string {
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

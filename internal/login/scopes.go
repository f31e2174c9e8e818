package login

import (
	"slices"
	"strings"
)

// offlineAccess is the scope that some authorization servers want for a refresh
// token.
const offlineAccess = "offline_access"

// scopesOf takes a list of scopes apart. Words that cannot be scopes are left out.
func scopesOf(text string) []string {
	var list []string
	for word := range strings.FieldsSeq(text) {
		if isScope(word) && !slices.Contains(list, word) && len(list) < maxScopes {
			list = append(list, word)
		}
	}
	return list
}

// isScope reports whether a word is a scope as RFC 6749 defines it.
func isScope(word string) bool {
	return word != "" && len(word) <= 256 && !strings.ContainsFunc(word, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}

// cleanScopes keeps of a list what can be scopes.
func cleanScopes(list []string) []string { return scopesOf(strings.Join(list, " ")) }

// wanted is what decides which scopes a login asks for.
type wanted struct {
	configured []string // by the entry; overrules all else
	challenge  []string // by the request that failed
	stepUp     []string // what the login that is replaced had and what was asked for beyond it; empty if nothing was
	resource   []string // scopes_supported of the resource
	server     []string // scopes_supported of the authorization server
}

// scopes decides which scopes a login asks for, and whether the person has to
// consent again so that there is a refresh token.
func (w wanted) scopes() (list []string, consent bool) {
	if len(w.configured) > 0 {
		return w.configured, slices.Contains(w.configured, offlineAccess)
	}
	if list = union(w.stepUp, w.challenge); len(list) == 0 {
		list = slices.Clone(w.resource)
	}
	if slices.Contains(w.server, offlineAccess) {
		list = union(list, []string{offlineAccess})
	}
	return list, slices.Contains(list, offlineAccess)
}

// union returns what is in any of the lists, in their order.
func union(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		for _, s := range list {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// lacks returns the scopes of asked that are not among granted.
func lacks(granted, asked []string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return slices.Contains(granted, s) })
}

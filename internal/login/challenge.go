package login

import "strings"

// Challenge is what a server asks for when it refuses a request.
type Challenge struct {
	// Bearer reports whether the server asks for a token at all.
	Bearer bool
	// Metadata is where it says that it describes itself.
	Metadata string
	Scopes   []string
	// Error is why a token was refused: invalid_token, insufficient_scope.
	Error string
}

const (
	maxChallenge = 16 << 10 // of all headers together
	maxScopes    = 100
)

// ParseChallenge reads the headers WWW-Authenticate of a response. What it does not
// understand it passes over.
func ParseChallenge(headers []string) Challenge {
	var c Challenge
	text := strings.Join(headers, ", ")
	text = text[:min(len(text), maxChallenge)]
	for _, one := range challenges(text) {
		if c.Bearer || !strings.EqualFold(one.scheme, "Bearer") {
			continue
		}
		c = Challenge{Bearer: true, Metadata: one.params["resource_metadata"], Scopes: scopesOf(one.params["scope"]), Error: one.params["error"]}
	}
	return c
}

// challenge is one of a header, which may hold several.
type challenge struct {
	scheme string
	params map[string]string
}

// challenges takes a header apart: a word that is followed by = is the name of a
// parameter, any other begins a challenge.
func challenges(text string) []challenge {
	var list []challenge
	for {
		text = strings.TrimLeft(text, " \t,=\"")
		end := strings.IndexAny(text, " \t,=\"")
		if end < 0 {
			end = len(text)
		}
		word := text[:end]
		if word == "" {
			return list
		}
		rest := strings.TrimLeft(text[end:], " \t")
		if !strings.HasPrefix(rest, "=") || len(list) == 0 {
			list = append(list, challenge{word, map[string]string{}})
			text = text[end:]
			continue
		}
		var value string
		value, text = paramValue(strings.TrimLeft(rest[1:], " \t"))
		params, name := list[len(list)-1].params, strings.ToLower(word)
		if _, twice := params[name]; !twice {
			params[name] = value
		}
	}
}

// paramValue cuts the value of a parameter off: a quoted string or a word.
func paramValue(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t,")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:]
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:]
		case '\\':
			if i++; i == len(text) {
				return b.String(), ""
			}
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}

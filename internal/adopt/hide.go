package adopt

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/redact"
)

// hidden stands for what is not shown.
const hidden = "[redacted]"

// Hidden are texts of a client's file as people may see them, line for line: without the
// values of env, headers and sign-in, those under keys with the name of a secret, and
// what looks like one in arguments and addresses, and without what comments say. It does not matter how they are written,
// nor whether another value of that name overrides them. A text that cannot be read is
// hidden as a whole. Whoever shows a line must still apply known to it: there are too many
// lines to do so here.
func Hidden(c *clients.Client, file string, texts ...[]byte) (shown [][]byte, known *redact.Redactor) {
	literals := make([][]jsondoc.Literal, len(texts))
	unread := make([]bool, len(texts))
	var secrets []redact.Secret
	for i, src := range texts {
		found, err := clients.Literals(file, src)
		literals[i], unread[i] = found, err != nil
		secrets = append(secrets, secretsAmong(c, found)...)
	}
	known = redact.New(secrets)
	shown = make([][]byte, len(texts))
	for i, src := range texts {
		if unread[i] {
			shown[i] = []byte(strings.Repeat(hidden+"\n", strings.Count(string(src), "\n")) + hidden)
			continue
		}
		shown[i] = replaced(src, append(secretStretches(c, src, literals[i], known), comments(file, src)...))
	}
	return shown, known
}

// secretsAmong are the values of literals that must not be shown anywhere: of what servers
// have, and no more, as some programs keep their whole history in the file.
func secretsAmong(c *clients.Client, literals []jsondoc.Literal) (secrets []redact.Secret) {
	add := func(s *clients.Server) {
		secrets = append(secrets, slices.DeleteFunc(Secrets(s), func(s redact.Secret) bool { return onlyVariable().MatchString(s.Value) })...)
	}
	literals = slices.DeleteFunc(slices.Clone(literals), func(l jsondoc.Literal) bool { return !slices.Contains(l.Path, serversKey(c)) })
	for from := 0; from < len(literals); {
		l := literals[from]
		to := from + 1
		for to < len(literals) && inArray(l) && slices.Equal(literals[to].Path, l.Path) {
			to++
		}
		args := &clients.Server{Client: c}
		for _, l := range literals[from:to] {
			args.Args = append(args.Args, clients.Value{{Text: l.Text}})
		}
		add(args)
		if isSecret(c, l) {
			secrets = append(secrets, redact.Secret{Name: l.Path[len(l.Path)-1], Value: l.Text})
		}
		from = to
	}
	return secrets
}

func inArray(l jsondoc.Literal) bool {
	return len(l.Path) > 0 && l.Path[len(l.Path)-1] == jsondoc.Element
}

// onlyVariable finds what names a variable, and says nothing else.
var onlyVariable = lazyregexp.New(`^(?i:(?:bearer|basic|token) +)?\$\{(?:env:|input:)?[A-Za-z_][A-Za-z0-9_.-]*\}$`)

// secretKeys are keys below which nothing is shown.
var secretKeys = []string{
	"env", "environment", "envs", "envVars", "headers", "http_headers", "httpHeaders", "requestOptions", "requestInit", "auth", "oauth", "authTokens",
}

// isSecret reports whether the keys that lead to a literal say that it may be a secret.
// The name of a server says nothing.
func isSecret(c *clients.Client, l jsondoc.Literal) bool {
	if onlyVariable().MatchString(l.Text) {
		return false
	}
	for i, key := range l.Path {
		switch {
		case i > 0 && l.Path[i-1] == serversKey(c), key == jsondoc.Element, strings.ContainsAny(key, `/\`):
		case slices.ContainsFunc(secretKeys, func(k string) bool { return strings.EqualFold(k, key) }):
			return true
		case secretName(key) && !strings.HasSuffix(strings.ToLower(strings.ReplaceAll(key, "_", "")), "envvar"):
			return true
		}
	}
	return false
}

// serversKey is the key under which a client's servers are.
func serversKey(c *clients.Client) string { return c.Keys()[len(c.Keys())-1] }

// secretStretches are the literals that must not be shown.
func secretStretches(c *clients.Client, src []byte, literals []jsondoc.Literal, known *redact.Redactor) (found []stretch) {
	for _, l := range literals {
		byLine := !strings.Contains(l.Text, "\n") && bytes.Contains(src[l.From:l.To], []byte(l.Text))
		if isSecret(c, l) || !byLine && known.String(l.Text) != l.Text {
			found = append(found, stretch{l.From, l.To, inPlaceOf(src[l.From:l.To])})
		}
	}
	return found
}

// replaced is a text with something else in place of some of it. What begins within
// another stretch, and ends behind it, is not shown either.
func replaced(src []byte, stretches []stretch) (shown []byte) {
	slices.SortStableFunc(stretches, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	last := 0
	for _, s := range stretches {
		switch {
		case s.from >= last:
		case len(bytes.TrimSpace(src[last:max(last, s.to)])) == 0: // An alias leads there as well.
			continue
		default:
			s.from, s.shown = last, inPlaceOf(src[last:s.to])
		}
		shown = append(append(shown, src[last:s.from]...), s.shown...)
		last = s.to
	}
	return append(shown, src[last:]...)
}

// inPlaceOf is what is shown in place of a literal, in as many lines.
func inPlaceOf(written []byte) string {
	mark := hidden
	if len(written) > 0 && (written[0] == '"' || written[0] == '\'') {
		mark = string(written[0]) + hidden + string(written[0])
	}
	return mark + strings.Repeat("\n"+hidden, bytes.Count(written, []byte("\n")))
}

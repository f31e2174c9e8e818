package resolve

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/redact"
)

// secret notes a value that must not be shown.
func (x *expander) secret(name, value string) {
	if value != "" {
		x.secrets = append(x.secrets, redact.Secret{Name: name, Value: value})
	}
}

// headerSecret notes a header's value and, where it begins with a scheme such
// as "Bearer", what follows it.
func (x *expander) headerSecret(name, value string) {
	name = jsondoc.KeyPath("header", name)
	x.secret(name, value)
	if scheme, rest, ok := strings.Cut(value, " "); ok && jsondoc.PlainWord(scheme) {
		x.secret(name, strings.TrimSpace(rest))
	}
}

// urlSecrets are the parts of a url that carry credentials: the password, a
// user name that stands alone, and every value of the query; each as it is
// written and decoded.
func urlSecrets(text string) []redact.Secret {
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	var list []redact.Secret
	note := func(name, value string) {
		if value != "" {
			list = append(list, redact.Secret{Name: name, Value: value})
		}
	}
	if u.User != nil {
		note("url.userinfo", u.User.String())
		note("url.user", u.User.Username())
		if password, ok := u.User.Password(); ok {
			note("url.password", password)
		}
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, raw, ok := strings.Cut(pair, "=")
		if !ok {
			note("url.query", name)
			continue
		}
		note(jsondoc.KeyPath("url.query", name), raw)
		if value, err := url.QueryUnescape(raw); err == nil {
			note(jsondoc.KeyPath("url.query", name), value)
		}
	}
	return list
}

func (x *expander) sortedSecrets() []redact.Secret {
	slices.SortFunc(x.secrets, func(a, b redact.Secret) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	return slices.Compact(x.secrets)
}

package resolve

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
)

// CredentialInClear reports whether a credential would go over plain http to
// another machine: in a header or in the url of the server, by the login that its
// entry asks for, or as arguments of a program that connects to one. It is for
// servers without a Problem.
func (s Server) CredentialInClear() bool {
	if s.Entry.Disabled {
		return false
	}
	if s.Spec.Transport != serversfile.Stdio {
		login := s.Entry.Auth.Type == serversfile.AuthOAuth || s.Entry.Auth.Type == serversfile.AuthClientCredentials
		return plainHTTP(s.Spec.URL) && (login || urlCredential(s.Spec.URL) || headerCredential(s.Spec.Headers))
	}
	credential := func(arg string) bool {
		header := strings.ToLower(strings.TrimSpace(arg))
		return strings.HasPrefix(header, "authorization:") || strings.HasPrefix(header, "x-api-key:") || redact.Known(arg) != "" || urlCredential(arg)
	}
	return slices.ContainsFunc(s.Spec.Args, plainHTTP) && slices.ContainsFunc(s.Spec.Args, credential)
}

// plainHTTP reports whether a text is an http url of another machine.
func plainHTTP(text string) bool {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || !strings.EqualFold(u.Scheme, "http") || u.Host == "" {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err != nil || !ip.Unmap().IsLoopback() && !ip.IsUnspecified()
}

// credentialWords are what names of headers and of parameters have in them
// whose values are credentials.
var credentialWords = []string{"auth", "token", "key", "secret", "cookie", "password", "credential", "session", "signature"}

func credentialName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(credentialWords, func(word string) bool { return strings.Contains(name, word) })
}

func headerCredential(headers map[string]string) bool {
	for name, value := range headers {
		if value != "" && (credentialName(name) || redact.Known(value) != "") {
			return true
		}
	}
	return false
}

func urlCredential(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return false
	}
	if u.User != nil || redact.Known(text) != "" {
		return true
	}
	for name, values := range u.Query() {
		if credentialName(name) && slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
			return true
		}
	}
	return false
}

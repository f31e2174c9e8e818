package login

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// attempt is one try of a person to log in: what is sent, and what an answer is
// compared with.
type attempt struct {
	found    found
	client   client
	redirect string
	scopes   []string
	consent  bool
	state    string
	verifier string
	params   map[string]string
}

// address is where the person's browser is sent.
func (a attempt) address() string {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier)}
	if a.found.resource != "" {
		options = append(options, oauth2.SetAuthURLParam("resource", a.found.resource))
	}
	if a.consent {
		options = append(options, oauth2.SetAuthURLParam("prompt", "consent"))
	}
	for name, value := range a.params {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return a.config().AuthCodeURL(a.state, options...)
}

// mixed warns a person whose login would go to somebody else than the page suggests;
// empty if it would not.
func (a attempt) mixed(address string) string {
	page, err := url.Parse(address)
	issuer, wrong := url.Parse(a.found.server.Issuer)
	if err != nil || wrong != nil || strings.EqualFold(page.Hostname(), issuer.Hostname()) {
		return ""
	}
	return fmt.Sprintf("The page is at %s, and what you agree to there goes to %s, which the server has named. If you do not expect that, do not agree.",
		quoted(page.Hostname()), quoted(a.found.server.Issuer))
}

func (a attempt) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: a.client.id, ClientSecret: string(a.client.secret), RedirectURL: a.redirect, Scopes: a.scopes,
		Endpoint: oauth2.Endpoint{AuthURL: a.found.server.Authorize, TokenURL: a.found.server.Token, AuthStyle: a.client.style()},
	}
}

func (c client) style() oauth2.AuthStyle {
	if c.method == methodBasic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// errNotOurs means that an answer is not for this attempt: the waiting goes on.
var errNotOurs = errors.New("this is not the answer to the login that was begun here: its state is another one")

// code takes the code out of an answer. The state is compared first, then who
// answers; before that nothing of the answer is looked at.
func (a attempt) code(answer url.Values) (string, error) {
	if answer.Get("state") != a.state || len(answer["state"]) != 1 {
		return "", errNotOurs
	}
	m := a.found.server
	iss, said := answer["iss"]
	switch {
	case said && (len(iss) != 1 || iss[0] != m.Issuer):
		return "", fmt.Errorf("the answer is from another authorization server (%s) than was asked (%s), so it is not used; begin again, and distrust the page that you were on if that repeats", quoted(strings.Join(iss, " ")), quoted(m.Issuer))
	case !said && m.IssPromised:
		return "", fmt.Errorf("the answer does not say who sends it, though %s promises that (iss); it is not used; begin again", quoted(m.Issuer))
	}
	if wrong := answer.Get("error"); wrong != "" {
		why := refusedBecause(0, wrong, a.secrets().hide(answer.Get("error_description")))
		if wrong == "access_denied" {
			return "", fmt.Errorf("the login was refused on the page of %s: %w", quoted(m.Issuer), why)
		}
		return "", fmt.Errorf("%s refuses the login: %w", quoted(m.Issuer), why)
	}
	code := answer.Get("code")
	if code == "" || len(answer["code"]) != 1 || len(code) > maxToken {
		return "", fmt.Errorf("the answer of %s has no code", quoted(m.Issuer))
	}
	return code, nil
}

func (a attempt) secrets() secrets { return secrets{a.state, a.verifier, string(a.client.secret)} }

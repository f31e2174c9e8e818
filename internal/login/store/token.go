package store

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/zalando/go-keyring"
)

// tokenItem is what the token for a gateway is called in a keyring: its origin, as
// the token is for all of its paths.
func tokenItem(gateway *url.URL) string {
	return "attach " + strings.ToLower(gateway.Scheme+"://"+gateway.Host)
}

// KeepToken keeps the token for a gateway at an address in a keyring; an empty one
// forgets what was kept. It blocks for 2 s at most.
func KeepToken(k Keyring, gateway *url.URL, token string) error {
	_, err := inTime(func() (struct{}, error) {
		if token == "" {
			return struct{}{}, k.Delete(tokenItem(gateway))
		}
		return struct{}{}, k.Set(tokenItem(gateway), token)
	}, func() {})
	switch {
	case err == nil, token == "" && errors.Is(err, keyring.ErrNotFound):
		return nil
	case token == "":
		return fmt.Errorf("the keyring of the system still has it: %w", err)
	}
	return fmt.Errorf("the keyring of the system does not take it: %w", err)
}

// TokenFor returns the token that a keyring has for a gateway at an address. It blocks
// for 2 s at most.
func TokenFor(k Keyring, gateway *url.URL) (string, error) {
	token, err := inTime(func() (string, error) { return k.Get(tokenItem(gateway)) }, func() {})
	if err != nil {
		return "", fmt.Errorf("the keyring of the system has no token for %s: %w", gateway.Host, err)
	}
	return token, nil
}

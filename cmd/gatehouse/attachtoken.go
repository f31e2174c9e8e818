package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"gatehouse/internal/identity"
	"gatehouse/internal/login/store"
	"gatehouse/internal/shellword"
)

// tokenKeyring is where attach keeps tokens.
var tokenKeyring store.Keyring = store.System{}

// storeToken puts the token that a line of the input has into the keyring.
func (o *attachOptions) storeToken(in io.Reader, out io.Writer) error {
	if _, err := o.checkURL(); err != nil {
		return err
	}
	gateway, err := url.Parse(o.url)
	if err != nil {
		return fmt.Errorf("internal: %w", err)
	}
	text, err := bufio.NewReader(io.LimitReader(in, identity.MaxTokenBytes+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return failed(fmt.Errorf("cannot read the token: %w", err))
	}
	token := strings.TrimSpace(text)
	if token != "" && (!isToken(token) || len(token) > identity.MaxTokenBytes) {
		return failed(errors.New("that is no token: it is one line of letters, digits and signs"))
	}
	if err := store.KeepToken(tokenKeyring, gateway, token); err != nil {
		return failed(err)
	}
	said := "kept the token for %s in the keyring of the system; attach uses it with --token-keyring"
	if token == "" {
		said = "the keyring of the system has no token for %s any more"
	}
	_, err = fmt.Fprintf(out, said+"\n", line(gateway.Host))
	return err
}

// keptToken reads the token from the keyring.
func (o *attachOptions) keptToken() (string, error) {
	gateway, err := url.Parse(o.url)
	if err != nil {
		return "", fmt.Errorf("internal: %w", err)
	}
	token, err := store.TokenFor(tokenKeyring, gateway)
	switch {
	case err != nil:
		return "", fmt.Errorf(`%w; put it there with "gatehouse attach --url %s --keep-token"`, err, shellword.Of(line(o.url)))
	case !isToken(token):
		return "", fmt.Errorf("what the keyring of the system has for %s is no token", gateway.Host)
	}
	return token, nil
}

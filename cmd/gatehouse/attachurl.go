package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"

	"gatehouse/internal/attach"
	"gatehouse/internal/identity"
	"gatehouse/internal/locate"
	"gatehouse/internal/safefile"
	"gatehouse/internal/terminal"
)

// checkURL finds what is wrong with --url and what belongs to it, and returns the
// address.
func (o *attachOptions) checkURL() (string, error) {
	u, err := url.Parse(o.url)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("--url must be an address such as https://gw.example.com/mcp")
	case u.User != nil:
		return "", errors.New("--url must not hold a password: put a token into a file, and name that with --token-file")
	case o.tokenFile != "" && (o.keyring || o.keepToken):
		return "", errors.New("--token-file and --token-keyring (or --keep-token) cannot be combined")
	case (o.tokenFile != "" || o.keyring || o.keepToken) && u.Scheme == "http" && !loopback(u.Hostname()):
		return "", errors.New("--url is http and leads to another machine: the token could be read on the way; use https")
	case o.config != "" || o.mcpConfig != "" || o.rules != "" || len(o.envFiles) > 0:
		return "", errors.New("--url is for a gateway elsewhere, which has files of its own: leave out --config, --mcp-config, --rules and --env-file")
	case o.surface != surfaceGate:
		return "", errors.New("--surface is part of the address: /all/mcp or /servers/NAME/mcp")
	case len(o.agents) > 1:
		return "", errors.New("--agent may name one agent with --url")
	}
	if len(o.agents) == 1 {
		q := u.Query()
		q.Set("agent", o.agents[0])
		u.RawQuery = q.Encode()
	}
	return u.String(), nil
}

// loopback reports whether a host is this machine for certain.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// runURL connects the client to a gateway elsewhere.
func (o *attachOptions) runURL(stdin io.Reader, stdout io.Writer) error {
	address, err := o.checkURL()
	if err != nil {
		return err
	}
	token, err := o.token()
	if err != nil {
		return failed(err)
	}
	if _, err := token(); err != nil {
		return failed(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hurry, stop := inAHurry(cancel)
	defer stop()
	in, restore := pollable(stdin, stdout, os.Stderr)
	defer restore()
	return attach.RelayURL(ctx, attach.URLOptions{
		URL: address, Token: token, In: in, Out: terminal.Raw(stdout), Wait: restartWait, Drain: o.drainOnEOF, Hurry: hurry,
		OwnTools: strings.Contains(address, "/servers/") || strings.Contains(address, allPath),
	})
}

// token returns what reads the token: a file each time anew, the keyring once.
func (o *attachOptions) token() (func() (string, error), error) {
	switch {
	case o.keyring:
		token, err := o.keptToken()
		return func() (string, error) { return token, nil }, err
	case o.tokenFile == "":
		return func() (string, error) { return "", nil }, nil
	}
	return tokenReader(o.tokenFile, userHome())
}

// tokenReader returns what reads the token of a file, anew each time: it may be
// replaced. Other users must not be able to read it.
func tokenReader(file, home string) (func() (string, error), error) {
	workDir, _ := os.Getwd() // Without one, only relative paths have no meaning.
	path, err := locate.ResolvePath(file, workDir, home)
	if err != nil {
		return nil, err
	}
	return func() (string, error) {
		text, err := safefile.ReadOwn(path, identity.MaxTokenBytes+2)
		if err != nil {
			return "", err
		}
		if info, err := os.Stat(path); err == nil && othersRead(info) {
			return "", fmt.Errorf("cannot use %s: other users can read the token; chmod it to 0600", path)
		}
		token := strings.TrimSpace(string(text))
		if !isToken(token) {
			return "", fmt.Errorf("there is no token in %s: it must be the only line", path)
		}
		return token, nil
	}, nil
}

// isToken reports whether a text can be a token in a header.
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' })
}

// othersRead reports whether other users may read a file.
func othersRead(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}

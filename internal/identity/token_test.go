package identity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/identity"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const (
	aliceToken = "gatehouse_aliceAliceAliceAliceAliceAliceAlice"
	bobToken   = "gatehouse_bobBobBobBobBobBobBobBobBobBobBob"
	oldToken   = "gatehouse_oldOldOldOldOldOldOldOldOldOldOld"
)

func token(id, text string, agents ...string) identity.Token {
	return identity.Token{ID: id, Agents: agents, Digest: identity.DigestOf(text)}
}

func tokens() *identity.Set {
	old := token("old", oldToken, "a")
	old.Expires = now
	return identity.Compile(identity.Credentials{Tokens: []identity.Token{
		token("alice", aliceToken, "backend", "reader"), token("bob", bobToken, "a"), old,
		token("short", "tooshort", "a"),
	}})
}

func TestCheckToken_theRightOne_namesItsAgents(t *testing.T) {
	c, err := tokens().CheckToken(aliceToken, now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"backend", "reader"}, c.Agents); diff != "" || c.Credential != "alice" {
		t.Errorf("got %q, agents (-want +got):\n%s", c.Credential, diff)
	}
}

func TestCheckToken_anythingElse_isRefused(t *testing.T) {
	cases := []struct {
		name, token string
		want        error
	}{
		{"nothing", "", identity.ErrUnknown},
		{"one byte less", aliceToken[:len(aliceToken)-1], identity.ErrUnknown},
		{"one byte more", aliceToken + "A", identity.ErrUnknown},
		{"another case", strings.ToUpper(aliceToken), identity.ErrUnknown},
		{"white space around it", " " + aliceToken, identity.ErrUnknown},
		{"the hash instead of the token", identity.DigestOf(aliceToken).String(), identity.ErrUnknown},
		{"a token that is too short to be safe", "tooshort", identity.ErrUnknown},
		{"a huge one", strings.Repeat("a", 10<<20), identity.ErrUnknown},
		{"one whose time is over to the instant", oldToken, identity.ErrExpired},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, err := tokens().CheckToken(c.token, now); !errors.Is(err, c.want) || got != nil {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
	if _, err := tokens().CheckToken(oldToken, now.Add(-time.Nanosecond)); err != nil {
		t.Errorf("just before its end: %v", err)
	}
}

func TestRecheck_tellsWhatALaterGenerationThinks(t *testing.T) {
	alice, err := tokens().CheckToken(aliceToken, now)
	if err != nil {
		t.Fatal(err)
	}
	ends := token("alice", aliceToken, "backend")
	ends.Expires = now
	set := func(list ...identity.Token) *identity.Set {
		return identity.Compile(identity.Credentials{Tokens: list})
	}
	cases := []struct {
		name   string
		set    *identity.Set
		caller *identity.Caller
		agents []string
		ok     bool
	}{
		{"the same", tokens(), alice, []string{"backend", "reader"}, true},
		{"with other agents now", set(token("alice", aliceToken, "reader")), alice, []string{"reader"}, true},
		{"removed", set(token("bob", bobToken, "a")), alice, nil, false},
		{"replaced by another token of the same id", set(token("alice", bobToken, "backend")), alice, nil, false},
		{"given to another id", set(token("bob", aliceToken, "backend")), alice, nil, false},
		{"over", set(ends), alice, nil, false},
		{"without agents", set(token("alice", aliceToken)), alice, nil, false},
		{"no credentials at all any more", set(), alice, nil, false},
		{"no set at all", nil, alice, nil, false},
		{"nobody was asked, and nobody is", set(), identity.Anonymous(), nil, true},
		{"nobody was asked, and now somebody is", tokens(), identity.Anonymous(), nil, false},
		{"a caller that never is asked", tokens(), nil, nil, true},
		{"a caller that proved nothing", tokens(), &identity.Caller{Credential: "alice", Agents: []string{"backend"}}, nil, false},
		{"a caller that proved nothing, where nobody is asked", nil, &identity.Caller{}, nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			agents, ok := c.set.Recheck(c.caller, now)
			if diff := cmp.Diff(c.agents, agents); diff != "" || ok != c.ok {
				t.Errorf("got ok %v, agents (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestWithin_leavesOnlyThePinnedAgents(t *testing.T) {
	alice, err := tokens().CheckToken(aliceToken, now)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := alice.Within([]string{"other", "reader"}); err != nil || !cmp.Equal(c.Agents, []string{"reader"}) {
		t.Errorf("got %v, %v, want reader alone", c, err)
	}
	if c, err := alice.Within(nil); err != nil || len(c.Agents) != 2 {
		t.Errorf("no pin: got %v, %v", c, err)
	}
	if c, err := alice.Within([]string{"other"}); !errors.Is(err, identity.ErrPinnedOut) || c != nil {
		t.Errorf("no agent in common: got %v, %v", c, err)
	}
}

func TestBoth_agentsOfTwoPins(t *testing.T) {
	cases := []struct {
		name                string
		first, second, want []string
	}{
		{"no pin", nil, nil, nil},
		{"no pin, said twice", []string{}, []string{}, nil},
		{"the first alone", []string{"a"}, nil, []string{"a"}},
		{"the second alone", nil, []string{"a"}, []string{"a"}},
		{"in the first's order", []string{"c", "b", "a"}, []string{"a", "b"}, []string{"b", "a"}},
		{"none in common is not the same as no pin", []string{"a"}, []string{"b"}, []string{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, identity.Common(c.first, c.second)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompile_doesNotFollowLaterChangesOfItsInput(t *testing.T) {
	c := identity.Credentials{Tokens: []identity.Token{token("alice", aliceToken, "backend")}, JWT: &identity.JWT{Issuer: "one"}}
	set := identity.Compile(c)
	c.Tokens[0].Agents[0], c.Tokens[0].ID, c.JWT.Issuer = "admin", "x", "two"
	got, err := set.CheckToken(aliceToken, now)
	if err != nil || got.Credential != "alice" || got.Agents[0] != "backend" {
		t.Errorf("got %v, %v, want alice as backend", got, err)
	}
	if j, _ := set.JWT(); j.Issuer != "one" {
		t.Errorf("got issuer %q, want %q", j.Issuer, "one")
	}
}

func TestDigest_roundTrip(t *testing.T) {
	d := identity.DigestOf(aliceToken)
	for _, text := range []string{d.String(), strings.ToUpper(d.String())} {
		if got, ok := identity.ParseDigest(text); !ok || got != d {
			t.Errorf("%s: got %s, %v, want %s", text, got, ok, d)
		}
	}
	for _, text := range []string{"", "zz", d.String()[1:], d.String() + "00", strings.Repeat("g", 64)} {
		if _, ok := identity.ParseDigest(text); ok {
			t.Errorf("%q must not be taken for a hash", text)
		}
	}
	if a := identity.FormatToken([identity.RandomBytes]byte{1}); len(a) < identity.MinTokenBytes || identity.LooksLikeJWT(a) {
		t.Errorf("a fresh token cannot be used: %q", a)
	}
}

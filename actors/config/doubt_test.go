package config_test

import (
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/messages"
	"gatehouse/testkit"
)

// While changed rules cannot be read, whoever asks hears since when and why; it
// ends when what is in the file is in force, or is known to be wrong, or gone.
func TestDoubt_lastsUntilTheRulesAreRead(t *testing.T) {
	unreadable := messages.ConfigChanged{
		Role: messages.RoleRules, Path: rulesFile, Err: "cannot read rules: it may not be read", Reason: "it may not be read", Unreadable: true, Trigger: "change",
	}
	gone := messages.ConfigChanged{Role: messages.RoleRules, Path: rulesFile, Err: "cannot read rules: gone", Reason: "gone", Trigger: "change"}
	for name, end := range map[string]messages.ConfigChanged{
		"other rules":    changed(messages.RoleRules, rulesFile, `{"agents": {}}`),
		"the same rules": changed(messages.RoleRules, rulesFile, someRules),
		"a mistake":      changed(messages.RoleRules, rulesFile, `{`),
		"no file":        gone,
	} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, withServers(`{"mcpServers": {}}`), nil, func(t *testing.T, s *stage) {
				s.inForce()
				testkit.Expect[messages.ConfigReloaded](t, s.events)
				if d := s.view.Doubt(); d != nil {
					t.Fatalf("got %+v at first, want no doubt", d)
				}
				begun := time.Now()
				s.Send(s.pid, messages.FileUnreadable{Role: messages.RoleRules, Path: rulesFile, Reason: "too many open files"})
				testkit.Expect[messages.RulesUnreadable](t, s.events)
				s.Sleep(5 * time.Second)
				s.Send(s.pid, unreadable)
				if got := testkit.Expect[messages.ConfigReloaded](t, s.events).Outcome; got != messages.Rejected {
					t.Errorf("got %q, want %q", got, messages.Rejected)
				}
				synctest.Wait() // The event comes first.
				if d := s.view.Doubt(); d == nil || !d.Since.Equal(begun) || d.Reason != "it may not be read" {
					t.Fatalf("got %+v, want the later reason since %v", d, begun)
				}
				s.Send(s.pid, end)
				if name == "other rules" {
					s.Sleep(time.Millisecond)
					if s.view.Doubt() == nil {
						t.Error("the doubt has ended before the rules are in force")
					}
					s.inForce()
				}
				testkit.Expect[messages.ConfigReloaded](t, s.events)
				testkit.Expect[messages.RulesReadable](t, s.events)
				synctest.Wait()
				if d := s.view.Doubt(); d != nil {
					t.Errorf("got %+v in the end, want no doubt", d)
				}
			})
		})
	}
}

// Other files than the rules decide nothing.
func TestDoubt_isAboutTheRulesOnly(t *testing.T) {
	inOffice(t, withServers(`{"mcpServers": {}}`), nil, func(t *testing.T, s *stage) {
		s.inForce()
		s.Send(s.pid, messages.FileUnreadable{Role: messages.RoleServers, Path: serversFile, Reason: "too many open files"})
		s.Sleep(time.Second)
		if d := s.view.Doubt(); d != nil {
			t.Errorf("got %+v, want no doubt", d)
		}
	})
}

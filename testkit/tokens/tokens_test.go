//go:build unix

package tokens_test

import (
	"encoding/json"
	"os"
	"testing"

	"gatehouse/testkit"
	"gatehouse/testkit/tokens"
)

func TestMain(m *testing.M) { os.Exit(testkit.RunBuilt(m)) }

func TestCount_isThatOfTheVocabularysAuthors(t *testing.T) {
	for text, want := range map[string]int{"": 0, "hello world": 2, "antidisestablishmentarianism": 6, "お誕生日おめでとう": 9} {
		if got := tokens.Count(t, text); got != want {
			t.Errorf("%q: got %d tokens, want %d", text, got, want)
		}
	}
}

// most is what the four definitions may cost an agent.
const most = 650

func TestDefinitions_costAtMost650Tokens(t *testing.T) {
	for name, args := range map[string][]string{
		"without a pin":       nil,
		"pinned to one agent": {"--agent", "a"},
		"pinned to several":   {"--agent", "a,b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := testkit.Servers{} // With names that cost a lot, as a pinned agent's are in a hint.
			for _, name := range []string{"0f-9Zq7/xK", "3d_Yw8.Vb2", "5k-Qj1:Rm6", "お誕生日", "知识库", "9t!Lc4@Np0", "a1~Fs5#Hd8", "b2-Gv6-Jz3"} {
				servers[name] = testkit.Entry{"command": "none", "gateway": map[string]any{"start": "lazy"}}
			}
			g := testkit.StartGateway(t, testkit.Options{
				Servers: servers.JSON(), Rules: testkit.AllowAll("a", "b"),
				Args: args, Env: []string{testkit.Built(t)},
			})
			reply, err := g.Raw(t).Request(t.Context(), "tools/list", nil)
			if err != nil {
				t.Fatal(err)
			}
			var list struct {
				Result struct{ Tools json.RawMessage }
			}
			if err := json.Unmarshal(reply.Message, &list); err != nil || len(list.Result.Tools) < 100 {
				t.Fatalf("got %s (%v), want a list of tools", reply.Message, err)
			}
			cost := tokens.Count(t, string(list.Result.Tools))
			t.Logf("%d tokens", cost)
			if cost > most {
				t.Errorf("the definitions cost %d tokens, want at most %d: shorten internal/front/definitions.go", cost, most)
			}
		})
	}
}

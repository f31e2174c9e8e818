package main

import (
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// A server whose answer cannot be read has answered all the same.
func TestBrokenAnswers_reachTheAgentAtOnce(t *testing.T) {
	t.Parallel()
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	for name, c := range map[string]struct {
		message    string
		says       string
		mayHaveRun bool
	}{
		"a raw newline":      {`{"jsonrpc":"2.0","id":"@ID@","result":{"structuredContent":{"mean":"` + "\n" + `"}}}`, "answered with something that is no JSON (at byte ", true},
		"a raw tab":          {`{"jsonrpc":"2.0","id":"@ID@","result":{"structuredContent":{"mean":"` + "\t" + `"}}}`, "answered with something that is no JSON (at byte ", true},
		"cut off":            {`{"jsonrpc":"2.0","id":"@ID@","result":{"content":[`, "answered with something that is no JSON (at byte ", true},
		"cut off before it":  {`{"jsonrpc":"2.0","result":{"content":[`, "answered with something that is no JSON (at byte ", true},
		"an error to nobody": {`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`, "Parse error (-32700)", false},
		"a string as error":  {`{"jsonrpc":"2.0","id":"@ID@","error":"it broke"}`, "it broke", false},
		"a word as code":     {`{"jsonrpc":"2.0","id":"@ID@","error":{"code":"ENOENT","message":"no such file"}}`, "no such file (ENOENT)", false},
		"words elsewhere":    {`{"jsonrpc":"2.0","id":"@ID@","error":{"code":-1,"data":"the disk is full"}}`, "the disk is full (-1)", false},
	} {
		t.Run(name, func(t *testing.T) { // One at a time: some are known by that.
			begun := time.Now()
			e := a.Execute(t, "s", "say", map[string]any{"message": []byte(c.message)}).Failed(t, "SERVER_ERROR")
			if !strings.Contains(e.Message, c.says) {
				t.Errorf("got %q, want %q in it", e.Message, c.says)
			}
			if got := e.MayHaveRun != nil && *e.MayHaveRun; got != c.mayHaveRun {
				t.Errorf("may_have_run is %v, want %v", got, c.mayHaveRun)
			}
			t.Logf("it took %v", time.Since(begun))
			a.Execute(t, "s", "echo", nil).Good(t)
		})
	}
}

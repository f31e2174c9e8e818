// Package tokens counts what a text costs a model, with a real tokenizer. It
// is for tests: the gateway itself estimates (a quarter of the bytes).
package tokens

import (
	"sync"
	"testing"

	"github.com/tiktoken-go/tokenizer/codec"
)

// cl100k is the vocabulary of GPT-4. Other models count a little more or less.
var cl100k = sync.OnceValue(codec.NewCl100kBase)

// Count is the number of cl100k tokens of a text.
func Count(t testing.TB, text string) int {
	t.Helper()
	n, err := cl100k().Count(text)
	if err != nil {
		t.Fatalf("cannot count tokens: %v", err)
	}
	return n
}

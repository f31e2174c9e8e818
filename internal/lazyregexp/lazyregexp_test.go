package lazyregexp_test

import (
	"testing"

	"gatehouse/internal/lazyregexp"
)

func TestNew_isCompiledOnceAndNotBefore(t *testing.T) {
	_ = lazyregexp.New("(") // Nobody uses it.
	digits := lazyregexp.New("^[0-9]+$")
	if got := digits().MatchString("42"); !got {
		t.Errorf("42 matches: got %v, want true", got)
	}
	if first, second := digits(), digits(); first != second {
		t.Error("got another expression at the second call, want the same")
	}
}

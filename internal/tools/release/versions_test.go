package main

import "testing"

func TestVersionsOf_areValidInEachKindOfPackage(t *testing.T) {
	for text, want := range map[string]versions{
		"v1.2.3":            {"1.2.3", "1.2.3", "1.2.3"},
		"1.2.3":             {"1.2.3", "1.2.3", "1.2.3"},
		"v1.2.3-rc.1":       {"1.2.3-rc.1", "1.2.3~rc.1", "1.2.3rc1"},
		"v1.2.3-4-gabc1234": {"1.2.3-4.gabc1234", "1.2.3+4.gabc1234", "1.2.3+4.gabc1234"},
		"0123456":           {"0.0.0-dev.g0123456", "0.0.0~dev.0123456", "0.0.0.dev0+dev.0123456"},
		"abc1234-dirty":     {"0.0.0-dev.abc1234.dirty", "0.0.0~dev.abc1234.dirty", "0.0.0.dev0+dev.abc1234.dirty"},
		"":                  {"0.0.0-dev", "0.0.0~dev", "0.0.0.dev0+dev"},
	} {
		if got := versionsOf(text); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

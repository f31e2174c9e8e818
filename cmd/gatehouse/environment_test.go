package main

import (
	"strings"
	"testing"
)

func TestEnvBool(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, " ": false, "0": false, "false": false, "FALSE": false, "no": false, "Off": false, "n": false, "f": false,
		"1": true, "true": true, "TRUE": true, "True": true, "yes": true, "YES": true, "on": true, "y": true, "t": true, " true ": true,
	} {
		t.Setenv("GATEHOUSE_TEST_BOOL", value)
		if got, err := envBool("GATEHOUSE_TEST_BOOL"); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", value, got, err, want)
		}
	}
	for _, value := range []string{"2", "ja", "enabled", "truee", "-1"} {
		t.Setenv("GATEHOUSE_TEST_BOOL", value)
		if got, err := envBool("GATEHOUSE_TEST_BOOL"); err == nil || !strings.Contains(err.Error(), "GATEHOUSE_TEST_BOOL") || !strings.Contains(err.Error(), "use true or false") {
			t.Errorf("%q: got %v, %v, want an error that names the variable and what to write", value, got, err)
		}
	}
}

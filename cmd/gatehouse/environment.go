package main

import (
	"fmt"
	"os"
	"strings"
)

// env returns an environment variable, or other if it is unset or empty.
func env(name, other string) string {
	if v := strings.TrimSpace(os.Getenv(name)); v != "" {
		return v
	}
	return other
}

// envBool reads an environment variable that is on or off; unset or empty is
// off. Every such variable is read here.
func envBool(name string) (bool, error) {
	switch text := env(name, ""); strings.ToLower(text) {
	case "", "0", "f", "false", "n", "no", "off":
		return false, nil
	case "1", "t", "true", "y", "yes", "on":
		return true, nil
	default:
		return false, fmt.Errorf("%s is %q: use true or false (or yes, no, on, off, 1, 0)", name, text)
	}
}

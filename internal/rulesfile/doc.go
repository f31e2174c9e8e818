// Package rulesfile reads the rules file: who may use what, and which
// credentials agents show over HTTP. It also reads and runs policy tests, and
// finds rules that are in doubt (CrossCheck) or can never matter (Lint).
//
// It is pure. Its problems never quote what could be a token.
package rulesfile

package config

// Codes of problems with credentials that no small rules file has by itself.
const (
	// CodeRulesTokenMany is an error.
	CodeRulesTokenMany = "rules-too-many-tokens" //nolint:gosec // A code, no secret.
	// CodeRulesNoCredentials is an error of a reload.
	CodeRulesNoCredentials = "rules-no-credential-left" //nolint:gosec // A code, no secret.
)

// NoCredentialLeft is the problem of a rules file that would let in everybody
// over HTTP who was kept out until now. why says how it is with the listener.
func NoCredentialLeft(file, why string) Problem {
	return Problem{
		File: file, Path: defaultsPath, Code: CodeRulesNoCredentials, Severity: Error,
		Message: "agents over HTTP would need no credential any more, and " + why,
		Hint:    `keep one entry in "tokens", or "jwt"; to run without credentials, stop the gateway and start it again`,
	}
}

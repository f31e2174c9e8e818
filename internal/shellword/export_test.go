package shellword

// On is Of on another system.
func On(goos, word string) string { return of(goos, word, "${}") }

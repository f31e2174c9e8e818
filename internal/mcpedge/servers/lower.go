package servers

// lowerASCII returns a copy of text whose letters A to Z are small. Unlike
// strings.ToLower, which writes three bytes for each that is not UTF-8, it moves
// nothing: a place in the copy is the same place in text.
func lowerASCII[T string | []byte](text T) T {
	lower := append([]byte(nil), text...) // A conversion of bytes would not copy them.
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return T(lower)
}

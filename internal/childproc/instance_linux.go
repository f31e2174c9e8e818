package childproc

// validInstance reports whether an id can mark a gateway's children: 8 to 64
// small letters and digits. A shorter one might not be unique.
func validInstance(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

package lists

// Limit bounds what the store leaves on disk, for tests that need not fill it.
func (s *Store) Limit(files int, bytes int64) { s.room = room{files, bytes} }

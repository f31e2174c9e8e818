package surface

import "gatehouse/internal/tasks"

// Book is where the tasks are kept, for tests.
func (t *Tasks) Book() *tasks.Book { return &t.book }

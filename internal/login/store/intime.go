package store

import "time"

// InTime asks a keyring, and returns silent if there is no answer in time. late is called
// after a success that nobody waits for any more.
func InTime[T any](patience time.Duration, silent error, ask func() (T, error), late func()) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers, given := make(chan answer), make(chan struct{})
	go func() { // Ends with the answer.
		v, err := ask()
		select {
		case answers <- answer{v, err}:
		case <-given:
			if err == nil {
				late()
			}
		}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-timer.C:
		close(given)
		var none T
		return none, silent
	}
}

package keptvars

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/internal/login/store"
	"gatehouse/internal/textcut"
	"gatehouse/internal/vars"
)

const (
	// readPatience is how long a keyring is waited for, whatever it is asked for.
	readPatience = 2 * time.Second
	// maxHung is how many questions that a keyring has not answered are enough: it is
	// not asked another one.
	maxHung = 8
	// maxWhy is how much is said of a keyring's own words, in bytes.
	maxWhy = 200
)

// Reader asks a keyring for values.
type Reader struct {
	Ring store.Keyring
	hung atomic.Int32
}

// Values returns what the keyring answers about the variables of a list, by name. It
// blocks for 2 s at most. A list with errors has none.
func (r *Reader) Values(list []byte) map[string]vars.Stored {
	kept, _ := vars.ParseKept("", list) // Whoever reads the list says what is wrong with it.
	values := make(map[string]vars.Stored, len(kept))
	for _, k := range kept {
		values[k.Name] = vars.Stored{Item: k.Item, Why: locked(errSilent)}
	}
	if len(kept) == 0 || r.hung.Load() >= maxHung {
		return values
	}
	answers, patience := r.ask(kept), time.NewTimer(readPatience)
	defer patience.Stop()
	for range kept {
		select {
		case a := <-answers:
			values[a.name] = a.stored
		case <-patience.C:
			return values
		}
	}
	return values
}

// answer is what a keyring says about one variable.
type answer struct {
	name   string
	stored vars.Stored
}

// ask asks for one item after the other. Nobody need read the answers.
func (r *Reader) ask(kept []vars.Kept) <-chan answer {
	answers := make(chan answer, len(kept))
	r.hung.Add(1)
	go func() { // Ends with the answers.
		defer r.hung.Add(-1)
		for _, k := range kept {
			answers <- answer{k.Name, r.get(k)}
		}
	}()
	return answers
}

func (r *Reader) get(k vars.Kept) vars.Stored {
	value, err := r.Ring.Get(itemName(k.Item))
	switch {
	case store.Gone(err):
		return vars.Stored{Item: k.Item, Gone: true, Why: fmt.Sprintf(`it has no value for it any more; set it again: gatehouse variable set %s`, k.Name)}
	case err != nil:
		return vars.Stored{Item: k.Item, Why: locked(err)}
	}
	return vars.Stored{Item: k.Item, Value: value}
}

// locked says why a keyring gives no value, and what to do.
func locked(err error) string {
	return words(err) + "; once it answers, run: gatehouse reload"
}

// words is an error in one line that is not long.
func words(err error) string {
	return textcut.Marked(strings.Join(strings.Fields(err.Error()), " "), maxWhy)
}

// errSilent means that a keyring does not answer: it is locked, and nobody unlocks it.
var errSilent = errors.New("it did not answer in time; is it locked?")

// itemName is what the keyring calls the item of a variable.
func itemName(item string) string { return "variable " + item }

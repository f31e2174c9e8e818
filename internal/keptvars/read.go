package keptvars

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/login/store"
	"gatehouse/internal/textcut"
	"gatehouse/internal/vars"
)

const (
	// readPatience is how long a keyring is waited for, whatever it is asked for.
	readPatience = 2 * time.Second
	// atOnce is how many questions one list asks at the same time.
	atOnce = 4
	// maxWhy is how much is said of a keyring's own words, in bytes.
	maxWhy = 200
)

// MaxValue is how long a value may be, in bytes.
const MaxValue = 64 << 10

// Reader asks a keyring for values.
type Reader struct {
	Ring  store.Keyring
	seats seats
}

// Values returns what the keyring answers about the variables of a list, by name. It
// blocks for 2 s at most. A list with errors has none.
func (r *Reader) Values(list []byte) map[string]vars.Stored {
	kept, _ := vars.ParseKept("", list) // Whoever reads the list says what is wrong with it.
	values := make(map[string]vars.Stored, len(kept))
	if len(kept) == 0 {
		return values
	}
	ended, patience := make(chan struct{}), time.NewTimer(readPatience)
	defer close(ended)
	defer patience.Stop()
	heard, unheard := r.ask(ended, kept), errSilent
	if heard == nil {
		patience.Reset(0)
		unheard = errSilentBefore
	}
	for range 2 * len(kept) { // Each is begun and answered.
		select {
		case h := <-heard:
			values[h.name] = h.stored
			if h.answered {
				unheard = errNoTime
			}
			continue
		case <-patience.C:
		}
		break
	}
	for _, k := range kept {
		if _, ok := values[k.Name]; !ok {
			values[k.Name] = vars.Stored{Item: k.Item, Why: locked(unheard)}
		}
	}
	return values
}

// hearsay is what is known about one variable: first that the keyring is asked, then
// what it answers.
type hearsay struct {
	name     string
	stored   vars.Stored
	answered bool
}

// round is what is asked for one list. Nobody need listen.
type round struct {
	ring  store.Keyring
	todo  chan vars.Kept
	heard chan hearsay
}

// ask asks for one item alone, as a keyring that is locked may ask its owner at each
// question; for another one if it takes long, as it may be that item alone; and once one
// is answered for a few at once. It begins no question once ended is closed. It
// returns nil if there are too many open questions already.
func (r *Reader) ask(ended <-chan struct{}, kept []vars.Kept) <-chan hearsay {
	a := &round{r.Ring, make(chan vars.Kept, len(kept)), make(chan hearsay, 2*len(kept))}
	// What a slow keyring is not asked for this time it may be next time.
	for _, i := range rand.Perm(len(kept)) { //nolint:gosec // Nobody gains by guessing the order.
		a.todo <- kept[i]
	}
	close(a.todo)
	answered := make(chan struct{})
	tell := sync.OnceFunc(func() { close(answered) })
	begin := func() bool {
		free, ok := r.seats.take()
		if ok {
			go a.work(ended, free, tell)
		}
		return ok
	}
	if !begin() {
		return nil
	}
	go func() { // Ends with ended at the latest.
		select {
		case <-time.After(readPatience / 2):
			begin()
		case <-answered:
		case <-ended:
			return
		}
		select {
		case <-answered:
			for range atOnce - 1 {
				begin()
			}
		case <-ended:
		}
	}()
	return a.heard
}

// work asks for one item after the other. It ends with an answer once ended is closed.
func (a *round) work(ended <-chan struct{}, free, answered func()) {
	defer free()
	for k := range a.todo {
		select {
		case <-ended:
			return
		default:
		}
		a.heard <- hearsay{k.Name, vars.Stored{Item: k.Item, Why: locked(errSilent)}, false}
		a.heard <- hearsay{k.Name, get(a.ring, k), true}
		answered()
	}
}

func get(ring store.Keyring, k vars.Kept) vars.Stored {
	value, err := ring.Get(itemName(k.Item))
	switch {
	case store.Gone(err):
		return vars.Stored{Item: k.Item, Gone: true, Why: fmt.Sprintf(`it has no value for it any more; set it again: gatehouse variable set %s`, k.Name)}
	case err != nil:
		return vars.Stored{Item: k.Item, Why: locked(err)}
	case value == "" || len(value) > MaxValue:
		return vars.Stored{Item: k.Item, Gone: true, Why: fmt.Sprintf(`what it has is empty or has more than %d bytes; set it again: gatehouse variable set %s`, MaxValue, k.Name)}
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

var (
	// errSilent means that a keyring does not answer: it is locked, and nobody unlocks it.
	errSilent = errors.New("it did not answer in time; is it locked?")
	// errSilentBefore means that it is not asked, as it has not answered before.
	errSilentBefore = fmt.Errorf("it has not answered %d times, and is not asked again for %s; is it locked?", maxSeats, seatFor)
	// errNoTime means that a keyring answers, but slowly.
	errNoTime = errors.New("it is slow, and there was no time to ask for this one")
)

// itemName is what the keyring calls the item of a variable.
func itemName(item string) string { return "variable " + item }

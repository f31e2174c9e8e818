package fleet

import (
	"fmt"
	"strconv"
)

// Format is the newest form of what gateways write to the store that this version knows.
// A fleet has one form, which stands under KeyFormat; without that it is 1, as in fleets of
// versions before there was such a key. A version that knows a newer form goes on with that
// of its fleet until an operator raises it, which is refused while a node lives that does not
// know the new one.
const Format = 1

// ReadFormat reads what stands under KeyFormat. It returns an error if that is not a format.
func ReadFormat(value []byte) (int, error) {
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%.20q is not the number of a format", value)
	}
	return n, nil
}

// CheckFormat returns nil if this version knows the form of a fleet. The error, for people,
// says what to do.
func CheckFormat(format int) error {
	if format <= Format {
		return nil
	}
	return fmt.Errorf("the fleet writes its store in format %d, and this version knows no later one than %d: install the version that the other gateways have "+
		"(\"gatehouse fleet\" at one of them shows it)", format, Format)
}

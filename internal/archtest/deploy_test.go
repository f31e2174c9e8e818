package archtest_test

import (
	"regexp"
	"strconv"
	"testing"
)

// Who stops a gateway must not kill it while it hands over its servers, or calls end that
// need not. With the flags' defaults one of a fleet may take --shutdown-delay (5s) until
// balancers have noticed, --shutdown-timeout (10s) until its servers have moved, as long
// again until what does not move has ended, and --fleet-ttl (6s) for an answer of the store.
func TestDeploy_givesAGatewayOfAFleetTheTimeToLeave(t *testing.T) {
	const most = 5 + 10 + 10 + 6
	for _, c := range []struct {
		file  []string
		value *regexp.Regexp
	}{
		{[]string{"deploy", "systemd", "gatehouse.service"}, regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)s$`)},
		{[]string{"deploy", "kubernetes", "fleet.yaml"}, regexp.MustCompile(`(?m)^ +terminationGracePeriodSeconds: (\d+)`)},
	} {
		text := read(t, append([]string{repository(t)}, c.file...)...)
		found := c.value.FindStringSubmatch(text)
		if found == nil {
			t.Errorf("%v: got nothing like %v, want it said", c.file, c.value)
			continue
		}
		if seconds, err := strconv.Atoi(found[1]); err != nil || seconds <= most {
			t.Errorf("%v: got %s, want more than %d seconds", c.file, found[0], most)
		}
	}
}

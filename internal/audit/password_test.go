package audit_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/internal/audit"
)

func TestRecord_aPasswordInAURI_isNotWritten(t *testing.T) {
	for uri, want := range map[string]string{
		"db://u:s3cret@h:5432/x?y=a:b@c": `"db://u:…@h:5432/x?y=a:b@c"`,
		"//u:s3cret@h":                   `"//u:…@h"`,
		"db://:s3cret@h":                 `"db://:…@h"`,
		"db://u:s3:c@ret@h/":             `"db://u:…@h/"`,
		"db://u@h:1/a:b@c":               `"db://u@h:1/a:b@c"`,
		"db://u:@h/":                     `"db://u:@h/"`,
		"note:a//u:b@c":                  `"note:a//u:…@c"`,
		"file:///a:b@c":                  `"file:///a:b@c"`,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk(t)
			l := d.open(t, audit.Options{})
			l.Append(audit.Record{Operation: "resources/read", Resource: uri})
			closeLog(t, l)
			if got := d.content(t); !strings.Contains(got, `"resource":`+want) {
				t.Errorf("%s: got %s, want %s in it", uri, got, want)
			}
		})
	}
}

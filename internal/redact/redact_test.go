package redact_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/redact"
)

// secrets makes a list of name, value, name, value, ...
func secrets(pairs ...string) (list []redact.Secret) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, redact.Secret{Name: pairs[i], Value: pairs[i+1]})
	}
	return list
}

func TestString_replacesWhatItMustAndNothingElse(t *testing.T) {
	cases := map[string]struct {
		secrets  []redact.Secret
		in, want string
	}{
		"no secrets":                {nil, "hello", "hello"},
		"text without a secret":     {secrets("K", "s3cret"), "hello", "hello"},
		"empty text":                {secrets("K", "s3cret"), "", ""},
		"one occurrence":            {secrets("K", "s3cret"), "got s3cret!", "got [redacted K]!"},
		"all occurrences":           {secrets("K", "s3cret"), "s3crets3cret s3cret", "[redacted K][redacted K] [redacted K]"},
		"letters' case matters":     {secrets("K", "s3cret"), "S3CRET", "S3CRET"},
		"a value without a name":    {secrets("", "s3cret"), "s3cret", "[redacted]"},
		"an empty value":            {secrets("K", ""), "hello", "hello"},
		"a value that is too short": {secrets("K", "abc"), "abc abcd", "abc abcd"},
		"the shortest value":        {secrets("K", "abcd"), "abc abcd", "abc [redacted K]"},
		"plain words are no secrets": {
			secrets("A", "true", "B", "FALSE", "C", "None"), "true FALSE None", "true FALSE None",
		},
		"the longest value wins": {
			secrets("SHORT", "token", "LONG", "token-of-mine"), "token-of-mine token", "[redacted LONG] [redacted SHORT]",
		},
		"a value inside another shows nothing of it": {
			secrets("IN", "midd", "OUT", "a-midd-z"), "a-midd-z", "[redacted OUT]",
		},
		"overlapping values leave no rest": {
			secrets("A", "abcdef", "B", "defghi"), "xabcdefghiy", "x[redacted A]y",
		},
		"three in a chain leave no rest": {
			secrets("A", "abcd", "B", "cdefgh", "C", "ghij"), "abcdefghij.", "[redacted A].",
		},
		"a value that overlaps itself leaves no rest": {
			secrets("K", "abab"), "xababababy", "x[redacted K]y",
		},
		"the first name of a value is shown":       {secrets("A", "s3cret", "B", "s3cret"), "s3cret", "[redacted A]"},
		"what was put in is not searched again":    {secrets("s3cret", "s3cret", "B", "redacted"), "s3cret", "[redacted s3cret]"},
		"text that looks like a mark stays itself": {secrets("K", "redacted"), "[redacted K]", "[redacted K]"},
		"lines of a long value are known alone": {
			secrets("PEM", "-----BEGIN KEY-----\r\nMIIBVQIBADAN\nshort\n"),
			"read MIIBVQIBADAN, short", "read [redacted PEM], short",
		},
		"letters beyond ASCII":     {secrets("K", "schlüssel"), "ein schlüssel!", "ein [redacted K]!"},
		"bytes that are not UTF-8": {secrets("K", "\xff\xfe\xfd\xfc"), "a\xff\xfe\xfd\xfcb\xff", "a[redacted K]b\xff"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := redact.New(tc.secrets)
			got := r.String(tc.in)
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if again := r.String(got); again != got {
				t.Errorf("redacting twice gives %q, once %q, want %q", again, got, got)
			}
		})
	}
}

func TestString_nil_changesNothing(t *testing.T) {
	var r *redact.Redactor
	if got := r.String("s3cret"); got != "s3cret" {
		t.Errorf("got %q, want %q", got, "s3cret")
	}
}

func TestString_encodedForms_areRecognised(t *testing.T) {
	value := "p\"a\\s/s <w>&ö +=\t?%"
	r := redact.New([]redact.Secret{{Name: "K", Value: value}})
	asJSON, err := json.Marshal(map[string]string{"password": value})
	if err != nil {
		t.Fatal(err)
	}
	noHTML, err := rawjson.Marshal([]string{value})
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"q": {value}}.Encode()
	cases := map[string]struct{ in, want string }{
		"JSON":                              {string(asJSON), `{"password":"[redacted K]"}`},
		"JSON without HTML escapes":         {string(noHTML), `["[redacted K]"]`},
		"a quoted Go string":                {strconv.Quote(value), `"[redacted K]"`},
		"a query":                           {query, "q=[redacted K]"},
		"a query with small hex digits":     {strings.NewReplacer("%2F", "%2f", "%3C", "%3c", "%3E", "%3e", "%C3%B6", "%c3%b6", "%2B", "%2b", "%3D", "%3d", "%3F", "%3f", "%5C", "%5c").Replace(query), "q=[redacted K]"},
		"a path":                            {"/" + url.PathEscape(value) + "/x", "/[redacted K]/x"},
		"itself":                            {value, "[redacted K]"},
		"a log line that quotes the secret": {fmt.Sprintf("cannot run %q: no", value), `cannot run "[redacted K]": no`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := r.String(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRedactor_printed_showsNoSecret(t *testing.T) {
	r := redact.New([]redact.Secret{{Name: "K", Value: "s3cret"}})
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("r", r), slog.Any("in", struct{ R *redact.Redactor }{r}))
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("r", r))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		fmt.Fprintf(&log, verb, r)
		fmt.Fprintf(&log, verb, *r)
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the secret must not be in %s", log.String())
	}
}

// Over a tiny alphabet secrets overlap in every way there is. Whatever is
// left of the text must be what no secret covers, in its order.
func TestString_randomText_keepsExactlyTheBytesThatNoSecretCovers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ab"[r.IntN(2)]
		}
		return string(b)
	}
	for range 20_000 {
		var secrets []redact.Secret
		for range r.IntN(4) {
			secrets = append(secrets, redact.Secret{Name: "#", Value: random(r.IntN(5) + redact.MinLength)})
		}
		text := random(r.IntN(40))
		covered := make([]bool, len(text))
		for _, s := range secrets {
			for i := range text {
				if strings.HasPrefix(text[i:], s.Value) {
					for j := range s.Value {
						covered[i+j] = true
					}
				}
			}
		}
		var want strings.Builder
		for i := range text {
			if !covered[i] {
				want.WriteByte(text[i])
			}
		}
		got := redact.New(secrets).String(text)
		if strings.ReplaceAll(got, "[redacted #]", "") != want.String() {
			t.Fatalf("secrets %q, text %q: got %q, want the rest to be %q", secrets, text, got, want.String())
		}
	}
}

func BenchmarkString_lineWithoutSecrets(b *testing.B) {
	var secrets []redact.Secret
	for i := range 20 {
		secrets = append(secrets, redact.Secret{Name: "K" + strconv.Itoa(i), Value: fmt.Sprintf("token-%d-%016x", i, i*7919)})
	}
	r := redact.New(secrets)
	line := strings.Repeat("an ordinary line of a server's stderr, ", 4)
	for b.Loop() {
		_ = r.String(line)
	}
}

package peer

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
)

// What gateways ask each other.
const (
	serversPath = "/peer/v1/servers/"
	runningPath = "/peer/v1/running/"
	tenurePath  = "/peer/v1/tenure"
	movePath    = "/peer/v1/move"
	wakePath    = "/peer/v1/wake/"
	logsPath    = "/peer/v1/logs"
	// sessionsPath stands before the path at which an agent's session is.
	sessionsPath = "/peer/v1/sessions"
)

// The headers of a call. Values that people or clients choose are percent-encoded.
const (
	headerEpoch      = "Gatehouse-Epoch"
	headerForm       = "Gatehouse-Form"
	headerGeneration = "Gatehouse-Generation"
	headerCall       = "Gatehouse-Call"
	headerAgent      = "Gatehouse-Agent"
	headerOrigin     = "Gatehouse-Origin"
	headerTool       = "Gatehouse-Tool"
	headerMethod     = "Gatehouse-Method"
	headerTimeout    = "Gatehouse-Timeout-Ms"
	headerWants      = "Gatehouse-Wants"
	headerLevel      = "Gatehouse-Log-Level"
	headerClient     = "Gatehouse-Capabilities"
	headerMaxRequest = "Gatehouse-Max-Bytes"
	headerMaxResult  = "Gatehouse-Max-Result-Bytes"
	// headerAnswer says of an answer with status 200 whether its body is the server's
	// result or its error.
	headerAnswer = "Gatehouse-Answer"
	// headerFrom says from where the request came that is passed on.
	headerFrom = "Gatehouse-From"
	// headerGateway tells the process of a gateway that asks from others at its address.
	// Older versions do not send it.
	headerGateway = "Gatehouse-Gateway"
)

// The values of headerWants.
const (
	wantsProgress = "progress"
	wantsNotices  = "notices"
	wantsLasts    = "lasts"
)

// The values of headerAnswer, and the events that end a stream.
const (
	answerResult  = "result"
	answerError   = "error"
	answerFailure = "failure"
)

// Events of a stream before its end.
const (
	eventProgress = "progress"
	eventNotice   = "notice"
	eventLasts    = "lasts"
)

const (
	mediaJSON   = "application/json"
	mediaStream = "text/event-stream"
)

const (
	// maxHeadBytes limits the head of a request and of a response.
	maxHeadBytes = 64 << 10
	// maxPassedHead is that of an agent's request, with what is added to it.
	maxPassedHead = maxHeadBytes + 16<<10
	// maxCapabilities is how long the capabilities of a client may be in a header.
	maxCapabilities = 32 << 10
	// maxRequestBytes limits the body of a call where the call does not.
	maxRequestBytes = 1 << 30
	// maxWishesBytes limits what another gateway wants to hear of, unasked: as many names
	// as a gateway has for one server, and what is between them.
	maxWishesBytes = endpoint.MaxTopicBytes + 4*endpoint.MaxTopics + 1<<10
	// maxFollows is how many requests to hear of one server a gateway may have at a time. It
	// needs two, the next one before the last one ends. maxFollowsOfAddress is how many all
	// gateways may that share an address, behind a proxy.
	maxFollows          = 16
	maxFollowsOfAddress = 256
	// refusalsEvery is how often a refusal of one is logged.
	refusalsEvery = time.Minute
	// maxResultBytes limits the result of a call where the call does not.
	maxResultBytes = 32 << 20
	// maxFailureBytes limits what is said of a failure.
	maxFailureBytes = 256 << 10
	// maxTimeout is the longest time that a call may ask for.
	maxTimeout = 24 * time.Hour
)

// pathOf is where a key is asked for below a prefix: NAME, or NAME@AGENT.
func pathOf(prefix, key string) string {
	server, agent := fleet.SplitKey(key)
	path := prefix + escape(server)
	if agent != "" {
		path += "@" + escape(agent)
	}
	return path
}

// keyOf undoes pathOf for the escaped path of a request.
func keyOf(prefix, path string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	server, agent, _ := strings.Cut(rest, "@")
	name, err := url.PathUnescape(server)
	of, err2 := url.PathUnescape(agent)
	return fleet.KeyOf(name, of), ok && name != "" && errors.Join(err, err2) == nil
}

// escape percent-encodes all but letters, digits, - and _, so that nothing on the way
// can take a part of a name for anything else.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	if strings.IndexFunc(s, special) < 0 {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x80 && !special(rune(c)) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

func special(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
}

// head is what the head of a call says.
type head struct {
	epoch      int64
	form       string
	generation uint64
	by         endpoint.Call
	method     string
	gateway    string        // the process that asks
	timeout    time.Duration // 0 is none
	wants      string
	level      endpoint.Level
	client     []byte // capabilities
	maxRequest int64
	maxResult  int64
}

// write sets the headers.
func (h *head) write(to http.Header) {
	set := func(name, value string) {
		if value != "" {
			to[name] = []string{value}
		}
	}
	number := func(name string, n int64) {
		if n != 0 {
			set(name, strconv.FormatInt(n, 10))
		}
	}
	number(headerEpoch, h.epoch)
	set(headerForm, escape(h.form))
	set(headerGeneration, strconv.FormatUint(h.generation, 10))
	set(headerCall, escape(h.by.ID))
	set(headerAgent, escape(h.by.Agent))
	set(headerOrigin, escape(h.by.Origin))
	set(headerTool, escape(h.by.Tool))
	set(headerMethod, escape(h.method))
	set(headerGateway, escape(h.gateway))
	number(headerTimeout, max(h.timeout.Milliseconds(), min(1, int64(h.timeout))))
	set(headerWants, h.wants)
	set(headerLevel, h.level.String())
	set(headerClient, escape(string(h.client)))
	number(headerMaxRequest, h.maxRequest)
	number(headerMaxResult, h.maxResult)
}

// readHead reads what write has written. The error names the header that is wrong.
func readHead(from http.Header) (h head, err error) {
	text := func(name string) string {
		value, bad := url.PathUnescape(from.Get(name))
		if bad != nil && err == nil {
			err = errors.New(name + " is not percent-encoded")
		}
		return value
	}
	number := func(name string, most int64) int64 {
		value := from.Get(name)
		if value == "" {
			return 0
		}
		n, bad := strconv.ParseInt(value, 10, 64)
		if (bad != nil || n < 0 || n > most) && err == nil {
			err = errors.New(name + " is not a number that it can be")
		}
		return n
	}
	const any64 = 1<<63 - 1
	h = head{
		epoch: number(headerEpoch, any64), form: text(headerForm),
		generation: uint64(number(headerGeneration, any64)), //nolint:gosec // It is not negative.
		by:         endpoint.Call{ID: text(headerCall), Agent: text(headerAgent), Origin: text(headerOrigin), Tool: text(headerTool)},
		method:     text(headerMethod), gateway: text(headerGateway), timeout: time.Duration(number(headerTimeout, maxTimeout.Milliseconds())) * time.Millisecond,
		wants: from.Get(headerWants), level: endpoint.LevelNamed(from.Get(headerLevel)),
		maxRequest: number(headerMaxRequest, maxRequestBytes), maxResult: number(headerMaxResult, maxRequestBytes),
	}
	if client := text(headerClient); client != "" {
		h.client = []byte(client)
	}
	return h, err
}

// wanted reports whether the caller hears of something.
func (h *head) wanted(what string) bool { return strings.Contains(h.wants, what) }

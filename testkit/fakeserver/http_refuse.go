package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// refuseSession refuses a request of an HTTP session that is not known, as told.
func (s *server) refuseSession(w http.ResponseWriter) {
	writeHTTP(w, s.opt.lostStatus, nil, s.opt.lostBody)
}

// refuseDiscover refuses server/discover as told.
func refuseDiscover(w http.ResponseWriter, how string) {
	status, err := strconv.Atoi(how)
	if err != nil {
		panic(http.ErrAbortHandler) // It closes the connection.
	}
	writeHTTP(w, status, nil, "not here")
}

// answerHTTP answers a call of the tool http with the HTTP response that its
// arguments ask for. cut breaks the connection after it.
func answerHTTP(w http.ResponseWriter, m message) bool {
	var params struct {
		Name      string
		Arguments struct {
			Status  int
			Headers map[string]string
			Body    string
			Cut     bool
		}
	}
	if m.Method != "tools/call" || json.Unmarshal(m.Params, &params) != nil || params.Name != "http" {
		return false
	}
	args := params.Arguments
	if args.Status != 0 {
		writeHTTP(w, args.Status, args.Headers, args.Body)
	}
	if args.Cut {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	return true
}

func writeHTTP(w http.ResponseWriter, status int, headers map[string]string, body string) {
	if strings.HasPrefix(body, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

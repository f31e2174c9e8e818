//go:build unix

package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// model is an endpoint in the place of a language model: it keeps what it is
// asked and answers by a script.
type model struct {
	URL string

	mu    sync.Mutex
	asked []question
}

// question is what a client puts before the model: of the Responses API the
// members that the tests look at.
type question struct {
	Input []struct {
		Type    string          `json:"type"`
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
		Output  json.RawMessage `json:"output"`
		Tools   []toolSpace     `json:"tools"` // what a search for tools found
	} `json:"input"`
	Tools []toolSpace `json:"tools"`
	whole string
}

// toolSpace is a tool, or those of one MCP server together.
type toolSpace struct {
	Type        string      `json:"type"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Tools       []toolSpace `json:"tools"`
}

// has reports whether an item of this type is among the input.
func (q question) has(kind string) bool {
	for _, item := range q.Input {
		if item.Type == kind {
			return true
		}
	}
	return false
}

// startModel starts a model that answers each question with what next says: an
// item of the Responses API.
func startModel(t *testing.T, next func(question) map[string]any) *model {
	t.Helper()
	m := &model{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		q := question{whole: string(body)}
		if err != nil || r.Method != http.MethodPost || json.Unmarshal(body, &q) != nil {
			http.NotFound(w, r)
			return
		}
		m.mu.Lock()
		m.asked = append(m.asked, q)
		m.mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		for _, event := range []map[string]any{
			{"type": "response.created", "response": map[string]any{"id": "r"}},
			{"type": "response.output_item.done", "output_index": 0, "item": next(q)},
			{"type": "response.completed", "response": map[string]any{
				"id": "r", "usage": map[string]any{"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
			}},
		} {
			text, _ := json.Marshal(event) // It is made of texts and numbers.
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event["type"], text)
		}
	}))
	t.Cleanup(s.Close)
	m.URL = s.URL
	return m
}

// questions returns what was asked, in order.
func (m *model) questions() []question {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

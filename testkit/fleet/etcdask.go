package fleet

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// post asks the member something of etcd's JSON API, and decodes the answer.
func (m *EtcdMember) post(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd says %s to %s: %.300s", resp.Status, path, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// must is post that must not fail.
func (m *EtcdMember) must(path string, question, answer any) {
	m.t.Helper()
	if err := m.post(context.Background(), path, question, answer); err != nil {
		m.t.Fatal(err)
	}
}

// counted is how many keys there are from one on, below another, and the store's revision.
func (m *EtcdMember) counted(from, below string) (keys int, revision int64) {
	m.t.Helper()
	var got struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
		Count string `json:"count"`
	}
	m.must("/v3/kv/range", map[string]any{"key": encode(from), "range_end": encode(below), "count_only": true}, &got)
	keys, _ = strconv.Atoi(got.Count) // It is left out if there is none.
	revision, err := strconv.ParseInt(got.Header.Revision, 10, 64)
	if err != nil {
		m.t.Fatalf("etcd: got the revision %q, want a number", got.Header.Revision)
	}
	return keys, revision
}

// Revision is that of the store: it grows with each write.
func (e *Etcd) Revision() int64 {
	_, revision := e.Members[0].counted("\x00", "\xff")
	return revision
}

// Keys is how many keys there are in the store.
func (e *Etcd) Keys() int {
	keys, _ := e.Members[0].counted("\x00", "\xff")
	return keys
}

// fleetName is that of all fleets of tests.
const fleetName = "test"

// Delete deletes a key of the fleet, as an operator of the store can.
func (e *Etcd) Delete(key string) {
	m := e.Members[0]
	m.t.Helper()
	m.must("/v3/kv/deleterange", map[string]string{"key": encode("/gatehouse/" + fleetName + "/" + key)}, nil)
}

// Fill writes until the store says that it is full: the members must have a Quota.
func (e *Etcd) Fill() {
	m := e.Members[0]
	m.t.Helper()
	value := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 32<<10))
	for i := range 10_000 {
		err := m.post(context.Background(), "/v3/kv/put", map[string]string{"key": encode(filler + strconv.Itoa(i)), "value": value}, nil)
		if err != nil && strings.Contains(err.Error(), "space exceeded") {
			return
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
	m.t.Fatal("etcd's store never was full: it must have a quota")
}

// filler is what the keys of Fill begin with.
const filler = "filler/"

// Free makes room again, as an operator does: it deletes what Fill has written, compacts and
// defragments the store, and clears the alarm.
func (e *Etcd) Free() {
	m := e.Members[0]
	m.t.Helper()
	m.must("/v3/kv/deleterange", map[string]string{"key": encode(filler), "range_end": encode(filler + "\xff")}, nil)
	m.must("/v3/kv/compaction", map[string]any{"revision": strconv.FormatInt(e.Revision(), 10), "physical": true}, nil)
	for _, m := range e.Members {
		m.must("/v3/maintenance/defragment", map[string]any{}, nil)
	}
	var raised struct {
		Alarms []map[string]string `json:"alarms"`
	}
	m.must("/v3/maintenance/alarm", map[string]any{"action": "GET"}, &raised)
	for _, a := range raised.Alarms {
		m.must("/v3/maintenance/alarm", map[string]any{"action": "DEACTIVATE", "memberID": a["memberID"], "alarm": a["alarm"]}, nil)
	}
}

func encode(key string) string { return base64.StdEncoding.EncodeToString([]byte(key)) }

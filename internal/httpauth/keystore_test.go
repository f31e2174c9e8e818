package httpauth_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/httpauth"
	"gatehouse/internal/identity"
)

var file = httpauth.Source{File: "keys.json"}

func TestKeys_unknownKids_fetchAtMostOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{answer: published(t, newKey(t, "k1"))}
		store := fileStore(source)
		for range 500 {
			if _, err := store.Renew(t.Context(), file); err != nil {
				t.Fatal(err)
			}
		}
		if source.asked != 1 {
			t.Errorf("asked %d times at once, want 1", source.asked)
		}
		time.Sleep(httpauth.KeysRetry)
		for range 500 {
			_, _ = store.Renew(t.Context(), file)
		}
		if source.asked != 2 {
			t.Errorf("asked %d times after one interval, want 2", source.asked)
		}
	})
}

func TestKeys_aNewKey_isFoundWithTheFirstTokenThatHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k1, k2 := newKey(t, "k1"), newKey(t, "k2")
		source := &counted{answer: published(t, k1)}
		g := gate(credentials(true), source, nil, nil)
		if _, c := ask(g, "Bearer "+k1.token(t, "backend")); c == nil {
			t.Fatal("the first key is not accepted")
		}
		source.answer = published(t, k2)
		time.Sleep(httpauth.KeysRetry)
		if _, c := ask(g, "Bearer "+k2.token(t, "backend")); c == nil {
			t.Error("the new key is not accepted")
		}
		if _, c := ask(g, "Bearer "+k1.token(t, "backend")); c != nil {
			t.Error("the key that was taken away is still accepted")
		}
	})
}

func TestKeys_thatCannotBeRenewed_areGoodUntilTheyAreStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{answer: published(t, newKey(t, "k1"))}
		store := fileStore(source)
		if _, err := store.Get(t.Context(), file); err != nil {
			t.Fatal(err)
		}
		source.answer, source.err = nil, errors.New("gone")
		time.Sleep(httpauth.KeysStale - time.Second)
		if keys, err := store.Get(t.Context(), file); err != nil || reflect.ValueOf(keys).IsZero() {
			t.Errorf("before they are stale: %+v, %v; want the keys", keys, err)
		}
		time.Sleep(time.Second)
		if _, err := store.Get(t.Context(), file); !errors.Is(err, httpauth.ErrNoKeys) {
			t.Errorf("stale: %v, want %v", err, httpauth.ErrNoKeys)
		}
		source.answer, source.err = published(t, newKey(t, "k2")), nil
		time.Sleep(httpauth.KeysRetry)
		if _, err := store.Get(t.Context(), file); err != nil {
			t.Errorf("back again: %v", err)
		}
	})
}

func TestKeys_ofAURL_areCached(t *testing.T) {
	var asked atomic.Int64
	body := published(t, newKey(t, "k1"))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(body)
	}))
	defer srv.Close()
	store := httpauth.NewKeyStore(nil, srv.Client(), slog.New(slog.DiscardHandler))
	done := make(chan error)
	for range 50 {
		go func() {
			_, err := store.Get(context.Background(), httpauth.Source{URL: srv.URL})
			done <- err
		}()
	}
	for range 50 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want 1", asked.Load())
	}
}

func TestKeys_ofABadURL_areNotTaken(t *testing.T) {
	body := published(t, newKey(t, "k1"))
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer good.Close()
	cases := map[string]http.HandlerFunc{
		"an error":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"a redirect":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, good.URL, http.StatusFound) },
		"a huge body": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, identity.MaxKeysBytes+1)) },
		"rubbish":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no keys":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys": []}`)) },
	}
	for name, handler := range cases {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(handler)
			defer srv.Close()
			var log strings.Builder
			store := httpauth.NewKeyStore(nil, srv.Client(), slog.New(slog.NewTextHandler(&log, nil)))
			source := httpauth.Source{URL: srv.URL + "/planted-secret"}
			if _, err := store.Get(t.Context(), source); !errors.Is(err, httpauth.ErrNoKeys) {
				t.Errorf("got %v, want %v", err, httpauth.ErrNoKeys)
			}
			if !strings.Contains(log.String(), "issuer's keys not read") || strings.Contains(log.String(), "planted-secret") {
				t.Errorf("the log says: %s, want that the keys were not read, without the secret", log.String())
			}
		})
	}
}

func TestKeys_callerThatGivesUp_leavesTheFetchToTheOthers(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{})
	body := published(t, newKey(t, "k1"))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		_, _ = w.Write(body)
	}))
	defer srv.Close()
	store := httpauth.NewKeyStore(nil, srv.Client(), slog.New(slog.DiscardHandler))
	source := httpauth.Source{URL: srv.URL}
	first := make(chan error, 1)
	go func() {
		_, err := store.Get(context.Background(), source)
		first <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Get(ctx, source); !errors.Is(err, httpauth.ErrNoKeys) {
		t.Errorf("a caller that gave up: %v, want %v", err, httpauth.ErrNoKeys)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestKeys_issuerThatHangs_delaysOneCallerAndNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		body := published(t, newKey(t, "k1"))
		store := httpauth.NewKeyStore(func(string) ([]byte, error) {
			if asked++; asked == 1 {
				return body, nil
			}
			time.Sleep(10 * time.Second)
			return nil, errors.New("no answer")
		}, nil, slog.New(slog.DiscardHandler))
		if _, err := store.Get(t.Context(), file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(httpauth.KeysFresh)
		begun := time.Now()
		done := make(chan error)
		get := func() {
			_, err := store.Get(t.Context(), file)
			done <- err
		}
		renew := func() {
			_, err := store.Renew(t.Context(), file)
			done <- err
		}
		go get()
		synctest.Wait() // It hangs now.
		for range 20 {
			go get()
			if err := <-done; err != nil || time.Since(begun) > 0 {
				t.Fatalf("a caller with good keys waits %s: %v, want 0s and no error", time.Since(begun), err)
			}
		}
		for range 20 {
			go renew()
		}
		for range 21 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if waited := time.Since(begun); asked != 2 || waited > 10*time.Second {
			t.Errorf("asked %d times, the last caller waited %s, want 2 questions and 10 s at most", asked, waited)
		}
	})
}

package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"

	"gatehouse/internal/logging"
)

// ringed is a logger of this level with a ring, and what it shows.
func ringed(level slog.Level) (*slog.Logger, *logging.Ring, *bytes.Buffer) {
	var shown bytes.Buffer
	ring := logging.NewRing()
	return ring.Tee(logging.New(&shown, logging.Options{Format: logging.JSON, Level: level})), ring, &shown
}

func decode(t *testing.T, line logging.Line) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("not JSON: %v: %s", err, line)
	}
	return m
}

func messages(t *testing.T, lines []logging.Line) string {
	t.Helper()
	var all []string
	for _, line := range lines {
		all = append(all, fmt.Sprint(decode(t, line)["msg"]))
	}
	return strings.Join(all, " ")
}

func TestTee_ringKeepsWhatIsShownAndNoMore(t *testing.T) {
	log, ring, shown := ringed(slog.LevelInfo)
	log.Debug("quiet")
	log.With(slog.String("server", "db")).WithGroup("g").Warn("loud", slog.Int("n", 1))
	lines, _ := ring.Last(10, nil)
	if len(lines) != 1 {
		t.Fatalf("kept %d lines, want 1", len(lines))
	}
	if got, want := string(lines[0]), strings.TrimSpace(shown.String()); got != want {
		t.Errorf("kept  %s\nshown %s, want %s", got, want, want)
	}
}

func TestTee_isAGoodHandler(t *testing.T) {
	log, ring, _ := ringed(slog.LevelDebug)
	err := slogtest.TestHandler(log.Handler(), func() []map[string]any {
		lines, _ := ring.Last(logging.RingRecords, nil)
		var out []map[string]any
		for _, line := range lines {
			out = append(out, decode(t, line))
		}
		return out
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLast_keepsTheNewestOnly(t *testing.T) {
	log, ring, _ := ringed(slog.LevelInfo)
	for i := range logging.RingRecords + 5 {
		log.Info(fmt.Sprint(i))
	}
	lines, at := ring.Last(1e9, nil)
	if len(lines) != logging.RingRecords || decode(t, lines[0])["msg"] != "5" {
		t.Errorf("%d lines, the first is %s, want %d and 5", len(lines), lines[0], logging.RingRecords)
	}
	if at != logging.RingRecords+5 {
		t.Errorf("the position is %d, want %d", at, logging.RingRecords+5)
	}
}

func TestLast_filterComesBeforeTheCount(t *testing.T) {
	log, ring, _ := ringed(slog.LevelInfo)
	for _, msg := range []string{"a", "x", "b", "x", "c", "x"} {
		log.Info(msg)
	}
	lines, _ := ring.Last(2, func(l logging.Line) bool { return !strings.Contains(string(l), `"x"`) })
	if got := messages(t, lines); got != "b c" {
		t.Errorf("got %q, want the newest two that pass", got)
	}
}

func TestRing_manyLargeRecords_areBoundedInBytes(t *testing.T) {
	log, ring, _ := ringed(slog.LevelInfo)
	for range 300 {
		log.Info("m", slog.String("text", strings.Repeat("x", 20_000)))
	}
	lines, _ := ring.Last(1e9, nil)
	total := 0
	for _, line := range lines {
		total += len(line)
	}
	if total > 4<<20 || total < 3<<20 {
		t.Errorf("%d bytes are kept in %d lines, want between 3 and 4 MiB", total, len(lines))
	}
}

func TestRing_hugeRecord_isKeptWithoutItsAttributes(t *testing.T) {
	log, ring, _ := ringed(slog.LevelInfo)
	log.Warn("said much", slog.String("server", "db"), slog.String("text", strings.Repeat("x", 1<<20)))
	log.Warn(strings.Repeat("y", 1<<20))
	lines, _ := ring.Last(2, nil)
	first, second := decode(t, lines[0]), decode(t, lines[1])
	if first["msg"] != "said much" || first["server"] != "db" || first["level"] != "WARN" || first["text"] != nil || first["bytes_left_out"] == nil {
		t.Errorf("kept %.300s, want the record without its text, and how many bytes were left out", lines[0])
	}
	if len(lines[1]) > 1000 || second["level"] != "WARN" {
		t.Errorf("kept %.300s, want a warning of 1000 bytes at most", lines[1])
	}
}

func TestNext_waitsForTheNextLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, ring, _ := ringed(slog.LevelInfo)
		log.Info("old")
		_, at := ring.Last(0, nil)
		got := make(chan string, 1)
		go func() {
			lines, _, lost, err := ring.Next(t.Context(), at)
			got <- fmt.Sprint(messages(t, lines), lost, err)
		}()
		synctest.Wait()
		select {
		case early := <-got:
			t.Fatalf("it did not wait: %s", early)
		default:
		}
		log.Info("new")
		if text := <-got; text != "new0 <nil>" {
			t.Errorf("got %q, want %q", text, "new0 <nil>")
		}
	})
}

func TestNext_slowReader_learnsHowManyLinesItLost(t *testing.T) {
	log, ring, _ := ringed(slog.LevelInfo)
	_, at := ring.Last(0, nil)
	for i := range logging.RingRecords + 7 {
		log.Info(fmt.Sprint(i))
	}
	lines, next, lost, err := ring.Next(t.Context(), at)
	if lost != 7 || len(lines) != logging.RingRecords || next != logging.RingRecords+7 || err != nil {
		t.Errorf("lost %d, got %d, next %d, %v, want 7, %d, %d", lost, len(lines), next, err, logging.RingRecords, logging.RingRecords+7)
	}
}

func TestNext_endsWithItsContext(t *testing.T) {
	_, ring, _ := ringed(slog.LevelInfo)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, at, _, err := ring.Next(ctx, 0); !errors.Is(err, context.Canceled) || at != 0 {
		t.Errorf("got %d, %v, want 0, %v", at, err, context.Canceled)
	}
}

func TestRing_manyWritersAndReaders_loseNothing(t *testing.T) {
	log, ring, _ := ringed(slog.LevelInfo)
	const writers, each = 4, 200
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			seen := uint64(0)
			for at := uint64(0); seen < writers*each; {
				lines, next, lost, err := ring.Next(t.Context(), at)
				if err != nil {
					t.Error(err)
					return
				}
				at, seen = next, seen+uint64(len(lines))+lost
			}
		})
	}
	for range writers {
		wg.Go(func() {
			for range each {
				log.Info("m")
			}
		})
	}
	wg.Wait()
	if _, at := ring.Last(0, nil); at != writers*each {
		t.Errorf("%d lines were kept, want %d", at, writers*each)
	}
}

func TestRing_aServerThatSaysMuch_pushesOutNothingOfTheOthers(t *testing.T) {
	log, ring, _ := ringed(slog.LevelInfo)
	log.Info("gateway ready")
	log.Info("server ready", slog.String("server", "quiet"))
	for i := range 10_000 {
		log.Warn("server crashed", slog.String("server", `lo"ud`), slog.Int("i", i))
	}
	about := func(text string) []logging.Line {
		lines, _ := ring.Last(100_000, func(l logging.Line) bool { return strings.Contains(string(l), text) })
		return lines
	}
	if got := len(about("gateway ready")) + len(about(`"quiet"`)); got != 2 {
		t.Errorf("got %d of the other records, want 2", got)
	}
	if got := about("crashed"); len(got) != logging.RingServerRecords || decode(t, got[len(got)-1])["i"] != 9999.0 {
		t.Errorf("got %d records of the loud one, want the last %d", len(got), logging.RingServerRecords)
	}
	if lines, _ := ring.Last(3, nil); messages(t, lines) != "server crashed server crashed server crashed" {
		t.Errorf("the newest are %s, want %q", messages(t, lines), "server crashed server crashed server crashed")
	}
	for i := range 2000 {
		log.Info("one of many", slog.String("server", fmt.Sprint("s", i)))
	}
	if got := len(about("one of many")); got != 2000 {
		t.Errorf("got %d records of many servers, want 2000", got)
	}
}

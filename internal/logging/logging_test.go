package logging_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/logging"
)

func TestParse_formatAndLevel(t *testing.T) {
	for text, want := range map[string]logging.Format{"auto": logging.Auto, "Text": logging.Text, "JSON": logging.JSON} {
		if got, err := logging.ParseFormat(text); err != nil || got != want {
			t.Errorf("format %s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]slog.Level{"debug": slog.LevelDebug, "Info": slog.LevelInfo, "WARN": slog.LevelWarn, "error": slog.LevelError} {
		if got, err := logging.ParseLevel(text); err != nil || got != want {
			t.Errorf("level %s: got %s, %v, want %s", text, got, err, want)
		}
	}
	if _, err := logging.ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "auto, text or json") {
		t.Errorf("got %v, want an error that names auto, text or json", err)
	}
	if _, err := logging.ParseLevel("loud"); err == nil || !strings.Contains(err.Error(), "debug, info, warn or error") {
		t.Errorf("got %v, want an error that names debug, info, warn or error", err)
	}
}

func TestNew_writesJSONWhereThereIsNoTerminal(t *testing.T) {
	for _, format := range []logging.Format{logging.Auto, logging.JSON} {
		var out bytes.Buffer
		log := logging.New(&out, logging.Options{Format: format})
		log.Debug("not shown")
		log.Warn("server backing off", slog.Duration("delay", 1500*time.Millisecond))
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v: %s, want JSON", format, err, &out)
		}
		if line["msg"] != "server backing off" || line["level"] != "WARN" || line["delay"] != "1.5s" {
			t.Errorf("%s: got %v, want the warning with a delay of 1.5s", format, line)
		}
	}
}

func TestNew_colorsAreForTextAndOnlyWhereTheyAreWanted(t *testing.T) {
	for name, c := range map[string]struct {
		options logging.Options
		colors  bool
		json    bool
	}{
		"text without":         {logging.Options{Format: logging.Text}, false, false},
		"text with":            {logging.Options{Format: logging.Text, Colors: true}, true, false},
		"a terminal without":   {logging.Options{Format: logging.Auto, Terminal: true}, false, false},
		"a terminal with":      {logging.Options{Format: logging.Auto, Terminal: true, Colors: true}, true, false},
		"JSON never has any":   {logging.Options{Format: logging.JSON, Terminal: true, Colors: true}, false, true},
		"no terminal, no text": {logging.Options{Format: logging.Auto, Colors: true}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			logging.New(&out, c.options).Info("shown", slog.String("server", "files"))
			got := out.String()
			if strings.Contains(got, "\x1b") != c.colors || strings.HasPrefix(got, "{") != c.json || !strings.Contains(got, "files") {
				t.Errorf("got %q, want colors: %v, JSON: %v", got, c.colors, c.json)
			}
		})
	}
}

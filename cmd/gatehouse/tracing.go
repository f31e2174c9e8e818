package main

import (
	"context"
	"log/slog"

	"gatehouse/internal/front"
	"gatehouse/internal/tracing"
)

// openTracing begins to follow calls if the variables of OpenTelemetry ask for it.
// Where it cannot, the gateway works without: they are often set for every program
// of a machine.
func openTracing(log *slog.Logger, instance string) *tracing.Tracer {
	t, err := tracing.Open(context.Background(), tracing.Options{Version: version(), Instance: instance, Log: log})
	switch {
	case err != nil:
		log.Warn("calls are not traced", slog.String("error", err.Error()))
	case t != nil:
		log.Info("tracing calls by OpenTelemetry")
	}
	return t
}

// tracer is what the router follows calls with; nil if they are not followed.
func (a *app) tracer() front.Tracer {
	if a.tracing == nil {
		return nil
	}
	return a.tracing
}

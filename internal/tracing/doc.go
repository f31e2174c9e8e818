// Package tracing follows calls by OpenTelemetry where its standard variables
// (OTEL_*) ask for that: a span for each call, with decide, wait and send under it,
// and attributes by the conventions for MCP. It is the one package that knows
// OpenTelemetry's libraries.
//
// A call that is followed is written down as it goes, in the encoding of OTLP.
// Spans never hold arguments or results. They wait in a queue of limited length and
// are dropped where the collector is slow or gone: no call waits for it.
package tracing

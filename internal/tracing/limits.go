package tracing

import (
	"os"
	"strconv"
	"time"
)

// limits are what OpenTelemetry's variables bound.
type limits struct {
	attributes int           // of a span
	characters int           // of an attribute; negative is no limit but our own
	queue      int           // spans that wait
	batch      int           // spans that are sent together
	delay      time.Duration // before spans are sent that are fewer
	patience   time.Duration // for the collector to take a batch
}

// limitsOfEnv reads OTEL_SPAN_*, OTEL_ATTRIBUTE_* and OTEL_BSP_*. What is not a
// number there, or makes no sense, counts as absent.
func limitsOfEnv() limits {
	l := limits{
		attributes: number(0, 128, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
		characters: number(0, -1, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
		queue:      number(1, 2048, "OTEL_BSP_MAX_QUEUE_SIZE"),
		delay:      time.Duration(number(1, 5000, "OTEL_BSP_SCHEDULE_DELAY")) * time.Millisecond,
		patience:   time.Duration(number(1, 30000, "OTEL_BSP_EXPORT_TIMEOUT")) * time.Millisecond,
	}
	l.batch = min(number(1, 512, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), l.queue)
	return l
}

// number is the value of the first of these variables that is set.
func number(least, otherwise int, names ...string) int {
	for _, name := range names {
		if text := os.Getenv(name); text != "" {
			if n, err := strconv.Atoi(text); err == nil && n >= least {
				return n
			}
			return otherwise
		}
	}
	return otherwise
}

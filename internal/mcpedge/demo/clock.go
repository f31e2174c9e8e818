package demo

import (
	"cmp"
	"context"
	"fmt"
	"time"
	_ "time/tzdata" // Time zones must work on machines that have none installed.

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const (
	maxCountdown = 60 // seconds
	maxZoneLen   = 64
	maxTimeLen   = 64
)

// moment is a time as the clock server tells it.
type moment struct {
	Time    string `json:"time"`
	Zone    string `json:"zone"`
	Weekday string `json:"weekday"`
	Unix    int64  `json:"unix"`
}

// counted is the answer of countdown.
type counted struct {
	Seconds int    `json:"seconds"`
	Done    string `json:"done"`
}

func clockServer() description {
	return description{
		name:         "clock",
		title:        "Clock",
		summary:      "Tells and converts times, and counts down",
		instructions: "Time zones are IANA names such as Europe/Berlin or UTC. Times are RFC 3339, for example 2026-03-01T12:00:00Z.",
		tools:        clockTools,
	}
}

func clockTools() []server.ServerTool {
	zone := func(what string, options ...mcp.PropertyOption) mcp.ToolOption {
		return mcp.WithString("zone", append(options, mcp.Description(what), mcp.MaxLength(maxZoneLen))...)
	}
	return []server.ServerTool{
		tool("now", "Tells the current date and time in a time zone.", now,
			mcp.WithIdempotentHintAnnotation(false),
			zone("The time zone; UTC if left out.")),
		tool("convert_time", "Tells what a point in time is called in another time zone.", convertTime,
			mcp.WithString("time", mcp.Required(), mcp.Description("The time with its offset, for example 2026-03-01T12:00:00+01:00."), mcp.MaxLength(maxTimeLen)),
			zone("The time zone to convert to.", mcp.Required())),
		{
			Tool: define("countdown", "Waits for some seconds, reports progress once a second, and then returns. Can be cancelled.",
				mcp.WithIdempotentHintAnnotation(false),
				mcp.WithInteger("seconds", mcp.Required(), mcp.Description("How long to wait."), mcp.Min(1), mcp.Max(maxCountdown))),
			Handler: countdown,
		},
	}
}

func now(args struct{ Zone string }) (moment, error) {
	return in(time.Now(), args.Zone)
}

func convertTime(args struct{ Time, Zone string }) (moment, error) {
	t, err := time.Parse(time.RFC3339, args.Time)
	if err != nil {
		return moment{}, fmt.Errorf("cannot read the time %q: write it like 2026-03-01T12:00:00Z", args.Time)
	}
	return in(t, args.Zone)
}

// in tells a time in a zone; an empty zone is UTC.
func in(t time.Time, zone string) (moment, error) {
	zone = cmp.Or(zone, "UTC")
	place, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" { // "Local" would tell of the machine, not of a place.
		return moment{}, fmt.Errorf("cannot find the time zone %q: use a name such as Europe/Berlin or UTC", zone)
	}
	t = t.In(place)
	return moment{Time: t.Format(time.RFC3339), Zone: zone, Weekday: t.Weekday().String(), Unix: t.Unix()}, nil
}

func countdown(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	seconds := req.GetInt("seconds", 0)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for passed := range seconds {
		report(ctx, req, passed, seconds)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
	return result(counted{Seconds: seconds, Done: time.Now().UTC().Format(time.RFC3339)}, nil)
}

// report sends a progress notification if the caller asked for them. Progress
// is a courtesy: one that cannot be sent is dropped.
func report(ctx context.Context, req mcp.CallToolRequest, passed, seconds int) {
	s := server.ServerFromContext(ctx)
	if s == nil || req.Params.Meta == nil || req.Params.Meta.ProgressToken == nil {
		return
	}
	_ = s.SendNotificationToClient(ctx, "notifications/progress", map[string]any{
		"progressToken": req.Params.Meta.ProgressToken,
		"progress":      passed,
		"total":         seconds,
		"message":       fmt.Sprintf("%d s to go", seconds-passed),
	})
}

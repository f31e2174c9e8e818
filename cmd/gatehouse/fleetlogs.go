package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/logging"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/internal/rawjson"
)

// NodeLogs implements admin.Gateway.
func (o *operator) NodeLogs(ctx context.Context, q admin.LogQuery) ([]json.RawMessage, error) {
	f := o.app.fleet
	if f == nil {
		return nil, conflict(errNoFleet)
	}
	if q.Node == f.node.ID {
		lines, _ := o.ring.Last(q.N, q.Keep)
		return lines, nil
	}
	nodes := f.standing.View().Nodes
	n, lives := nodes[q.Node]
	if !lives {
		return nil, &admin.Error{
			Status:  http.StatusNotFound,
			Message: fmt.Sprintf("the fleet has no gateway %q: there are %s", q.Node, strings.Join(slices.Sorted(maps.Keys(nodes)), ", ")),
		}
	}
	lines, err := f.client.Logs(ctx, n.Address, peer.LogQuery{Server: q.Server, Level: q.Level, N: q.N})
	if err != nil {
		return nil, &admin.Error{Status: http.StatusBadGateway, Message: fmt.Sprintf("%s does not show its log: %v", q.Node, err)}
	}
	return lines, nil
}

// logsOf answers other gateways of the fleet with lines of a log.
func logsOf(ring *logging.Ring) func(peer.LogQuery) []json.RawMessage {
	return func(q peer.LogQuery) []json.RawMessage {
		lines, _ := ring.Last(q.N, admin.LogQuery{Server: q.Server, Level: q.Level}.Keep)
		return lines
	}
}

// showAllLogs shows the logs of all gateways of a fleet as one.
func showAllLogs(ctx context.Context, cmd *cobra.Command, gw admin.Found, q admin.LogQuery, color *colorOption, asJSON bool) error {
	if gw.Status.Fleet == nil {
		return failed(errNoFleet)
	}
	var all []json.RawMessage
	var silent []error
	for _, n := range gw.Status.Fleet.Nodes {
		q.Node = n.ID
		err := gw.Client.Logs(ctx, q, func(raw json.RawMessage) error {
			all = append(all, loggedBy(raw, n.ID))
			return nil
		})
		if err != nil {
			silent = append(silent, asked(ctx, gw.Client, err))
		}
	}
	slices.SortStableFunc(all, func(a, b json.RawMessage) int { return timeOf(a).Compare(timeOf(b)) })
	for _, raw := range all[max(0, len(all)-q.N):] {
		if err := showRecord(cmd.OutOrStdout(), raw, color, asJSON); err != nil {
			return err
		}
	}
	if len(silent) > 0 {
		return failed(errors.Join(silent...))
	}
	return nil
}

// loggedBy adds to a record whose it is.
func loggedBy(raw json.RawMessage, node string) json.RawMessage {
	rest, ok := strings.CutPrefix(string(raw), "{")
	name, err := json.Marshal(node)
	if !ok || err != nil {
		return raw
	}
	record := `{"logged_by":` + string(name)
	if !strings.HasPrefix(rest, "}") {
		record += ","
	}
	return json.RawMessage(record + rest)
}

func timeOf(raw json.RawMessage) time.Time {
	var at time.Time
	_ = rawjson.Decode(rawjson.Get(raw, slog.TimeKey), &at) // One without comes first.
	return at
}

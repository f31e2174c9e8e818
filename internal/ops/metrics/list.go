package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Metric is one that a gateway has, beside those of the process and of Go's
// runtime.
type Metric struct {
	Name   string
	Kind   prometheus.ValueType // UntypedValue for a histogram
	Labels []string
	Help   string
}

const (
	count = prometheus.CounterValue
	gauge = prometheus.GaugeValue
)

// The metrics.
var (
	callsTotal = Metric{"gatehouse_calls_total", count, []string{"server", "tool", "agent", "outcome"}, "Calls that have ended, as the audit log has them."}
	duration   = Metric{"gatehouse_call_duration_seconds", prometheus.UntypedValue, []string{"server"}, "How long calls took, waits included."}
	inFlight   = Metric{"gatehouse_calls_in_flight", gauge, []string{"server"}, "Calls that a server is running."}
	waiting    = Metric{"gatehouse_calls_waiting", gauge, []string{"server"}, "Calls that wait for those of others to end."}
	refused    = Metric{"gatehouse_calls_refused_total", count, []string{"code"}, "Calls that were not given to a server, by the code that the agent got."}
	requests   = Metric{"gatehouse_request_bytes_total", count, []string{"server"}, "Bytes of the params that servers were sent."}
	results    = Metric{"gatehouse_result_bytes_total", count, []string{"server"}, "Bytes of the results and errors that servers answered."}

	servers     = Metric{"gatehouse_servers", gauge, []string{"state"}, "Servers by state."}
	serverReady = Metric{"gatehouse_server_ready", gauge, []string{"server"}, "1 if the server is ready, or idle and starts with its next call."}
	starts      = Metric{"gatehouse_server_starts_total", count, []string{"server"}, "Runs that have begun."}
	restarts    = Metric{"gatehouse_server_restarts_total", count, []string{"server"}, "Runs that have ended by themselves, after which the server is started again."}
	quarantines = Metric{"gatehouse_server_quarantines_total", count, []string{"server"}, "How often the server has failed so often that it is only tried now and then."}
	startTime   = Metric{"gatehouse_server_start_time_seconds", gauge, []string{"server"}, "When the latest run began, in seconds since 1970."}
	lastCrash   = Metric{"gatehouse_server_last_crash_timestamp_seconds", gauge, []string{"server"}, "When a run last ended by itself, in seconds since 1970."}

	reloadsTotal = Metric{"gatehouse_config_reloads_total", count, []string{"file", "outcome"}, "Changes of files by what became of them: applied, rejected or unchanged."}
	lastSuccess  = Metric{"gatehouse_config_last_success_timestamp_seconds", gauge, []string{"file"}, "When what the file says last was in force, or was found to be, in seconds since 1970."}
	lastGood     = Metric{"gatehouse_config_last_reload_successful", gauge, []string{"file"}, "1 if the file's last change was not rejected."}
	generation   = Metric{"gatehouse_config_generation", gauge, nil, "The number of what is in force; it grows with each change."}
	since        = Metric{"gatehouse_config_generation_timestamp_seconds", gauge, nil, "Since when that is in force, in seconds since 1970."}
	unreadable   = Metric{"gatehouse_rules_unreadable", gauge, nil, "1 if the rules have changed and cannot be read."}

	auditWritten = Metric{"gatehouse_audit_records_written_total", count, nil, "Records in the audit log."}
	auditLost    = Metric{"gatehouse_audit_records_lost_total", count, nil, "Records that never will be in the audit log."}
	auditQueued  = Metric{"gatehouse_audit_records_queued", gauge, nil, "Records that wait to be written."}
	logWritten   = Metric{"gatehouse_log_lines_written_total", count, nil, "Lines that were logged on stderr."}
	logLost      = Metric{"gatehouse_log_lines_lost_total", count, nil, "Lines of the log that nobody read in time."}

	noticesLost = Metric{"gatehouse_notifications_lost_total", count, nil, "Notifications that were dropped because clients read too slowly."}

	sessions = Metric{"gatehouse_sessions", gauge, []string{"via"}, "Open sessions of agents: http, or attach."}
	ready    = Metric{"gatehouse_ready", gauge, nil, "1 until shutdown begins."}
	info     = Metric{"gatehouse_build_info", gauge, []string{"version"}, "1; the version is a label."}

	fleetTenure      = Metric{"gatehouse_fleet_tenure_seconds", gauge, nil, "Only in a fleet, as all of these are: how long servers that run once may go on here without the store; 0 if they may not."}
	fleetContact     = Metric{"gatehouse_fleet_contact_age_seconds", gauge, nil, "How long ago the fleet's store has last answered."}
	fleetGeneration  = Metric{"gatehouse_fleet_generation", gauge, nil, "What the fleet has agreed on; a gateway whose gatehouse_config_generation is another does not follow."}
	fleetOwned       = Metric{"gatehouse_fleet_owned_servers", gauge, nil, "Servers that run once, and run here."}
	fleetNodes       = Metric{"gatehouse_fleet_nodes", gauge, nil, "Gateways of the fleet that live, as this one has last heard."}
	fleetUnreached   = Metric{"gatehouse_fleet_unreached_nodes", gauge, nil, "Gateways of the fleet that this one cannot reach though they live."}
	fleetWaiting     = Metric{"gatehouse_fleet_waiting_servers", gauge, nil, "Servers that this gateway has claimed for more than 5 s and does not start, as something of them may still run at another one."}
	fleetStuck       = Metric{"gatehouse_fleet_stuck_servers", gauge, nil, "Servers whose processes do not end here though they were killed: nobody runs them until they do."}
	fleetClock       = Metric{"gatehouse_fleet_clock_offset_seconds", gauge, nil, "By how much the clock of another gateway differs most from this one's; 0 for up to 5 s."}
	fleetCertificate = Metric{"gatehouse_fleet_certificate_end_timestamp_seconds", gauge, nil, "When the certificate for other gateways ends, in seconds since 1970."}

	others = Metric{"gatehouse_metrics_other_total", count, nil, "Calls of which a label is other: a name that no file or list has, or one beyond the bound."}
)

// List is all of them, in the order of docs/OPERATIONS.md.
var List = []Metric{
	callsTotal, duration, inFlight, waiting, refused, requests, results,
	servers, serverReady, starts, restarts, quarantines, startTime, lastCrash,
	reloadsTotal, lastSuccess, lastGood, generation, since, unreadable,
	auditWritten, auditLost, auditQueued, logWritten, logLost, noticesLost, sessions, ready, info,
	fleetTenure, fleetContact, fleetGeneration, fleetOwned, fleetNodes, fleetUnreached, fleetStuck, fleetWaiting, fleetClock, fleetCertificate, others,
}

// descs are what the library knows the metrics by.
var descs = sync.OnceValue(func() map[string]*prometheus.Desc {
	all := map[string]*prometheus.Desc{}
	for _, m := range List {
		all[m.Name] = prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
	}
	return all
})

func (m Metric) desc() *prometheus.Desc { return descs()[m.Name] }

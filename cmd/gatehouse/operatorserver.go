package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/actors/journal"
	"gatehouse/internal/admin"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/vars"
)

// Server implements admin.Gateway.
func (o *operator) Server(name string) (admin.ServerDetail, error) {
	snap := o.app.store.Load()
	r, ok := serverOrInstance(snap, name)
	if !ok {
		return admin.ServerDetail{}, &admin.Error{Status: http.StatusNotFound, Message: noServer(name, snap.Names())}
	}
	d := admin.ServerDetail{
		ServerStatus: o.serverStatus(r, time.Now()), Transport: string(r.Entry.Transport),
		Output: []admin.OutputLine{}, History: []admin.ServerEvent{}, Crashes: []admin.Crash{},
		Position: fmt.Sprintf("%s:%d:%d", r.Entry.Pos.File, r.Entry.Pos.Line, r.Entry.Pos.Column), Fingerprint: fingerprintOf(r),
	}
	_, running := o.app.actors.list()
	d.Actor = running[name]
	entry := r.Entry
	if in := r.Cell.Instance(); in != nil {
		entry.Name = strings.TrimSuffix(entry.Name, in.Label)
	}
	describe(&d, entry, r.Redact.String)
	events, output := o.memory.History(name)
	for _, e := range events {
		d.History = append(d.History, admin.ServerEvent{At: e.At, Run: e.Run, Event: e.Event, Details: r.Redact.String(e.Details)})
	}
	for _, l := range output {
		d.Output = append(d.Output, admin.OutputLine{At: l.At, Run: l.Run, Stream: stream(l), Line: r.Redact.String(l.Line)})
	}
	for _, c := range o.memory.Crashes(name) {
		d.Crashes = append(d.Crashes, crash(c, r.Redact.String))
	}
	return d, nil
}

// fingerprintDigits are enough to tell two forms of an entry apart.
const fingerprintDigits = 12

func fingerprintOf(r *snapshot.Route) string {
	spec := r.Cell.Identity().Spec
	return spec[:min(len(spec), fingerprintDigits)]
}

// crash is a crash without secrets.
func crash(c journal.Crash, redact func(string) string) admin.Crash {
	out := admin.Crash{
		At: c.At, Run: c.Run, Phase: string(c.Phase), Reason: redact(c.Reason), InFlight: c.Calls.Len(), Calls: notNil(c.Calls.First), Stderr: []string{},
	}
	for _, line := range c.Stderr {
		out.Stderr = append(out.Stderr, redact(line))
	}
	return out
}

func stream(l journal.Output) string {
	if l.Junk {
		return "stdout"
	}
	return "stderr"
}

// describe fills in how a server is started or reached, as far as that is not
// secret: what the file has is shown with its variables, never their values.
func describe(d *admin.ServerDetail, e serversfile.Entry, redact func(string) string) {
	if e.Transport != serversfile.Stdio {
		d.URL, d.Headers = vars.ShownURL(e.URL), slices.Sorted(maps.Keys(e.Headers))
		return
	}
	d.Command = shownWords(append([]string{e.Command}, e.Args...), redact)
	d.Cwd = redact(vars.WithoutDefaults(e.Cwd))
	if dir := serversFolder(); d.Cwd == "" && dir != "" {
		d.Cwd = resolve.OwnFolder(dir, e.Name)
	}
	d.Env, d.EnvPass, d.EnvFile = slices.Sorted(maps.Keys(e.Env)), e.Settings.EnvPass, redact(vars.WithoutDefaults(e.EnvFile))
}

package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
)

// applyBySocket applies a configuration to the fleet of a gateway that runs here.
func (o *applyOptions) applyBySocket(ctx context.Context, out io.Writer, c fleet.Content) (admin.Applied, error) {
	gw, err := o.gateway.connect(ctx)
	if err != nil {
		return admin.Applied{}, err
	}
	f := gw.Status.Fleet
	switch {
	case f == nil:
		return admin.Applied{}, fmt.Errorf("the gateway that runs here is not one of a fleet: give --fleet and --fleet-store (%s, %s)", fleetVariable, storeVariable)
	case o.fleet.name != "" && o.fleet.name != f.Name:
		return admin.Applied{}, fmt.Errorf("the gateway that runs here is one of the fleet %q, not of %q: give --fleet-store (%s)", f.Name, o.fleet.name, storeVariable)
	}
	applied, err := gw.Client.Apply(ctx, admin.ApplyQuery{
		Servers: c.Servers, Rules: c.Rules, By: c.By, WaitMS: o.wait.Milliseconds(), Skip: o.skip,
	})
	if err != nil {
		return admin.Applied{}, asked(ctx, gw.Client, err)
	}
	return applied, printApplied(out, applied)
}

// printApplied prints what an applier elsewhere would have. The error is that of it.
func printApplied(out io.Writer, a admin.Applied) error {
	for _, text := range a.Notes {
		printNote(out, text)
	}
	for _, r := range a.Replicas {
		if r.Answer != string(fleet.NoAnswer) {
			printSay(out, r)
		}
	}
	for _, d := range a.Differences {
		printDifference(out, d)
	}
	if a.Error != "" {
		return errors.New(lines(forPeople(a.Error)))
	}
	fmt.Fprintln(out, line(a.String()))
	return nil
}

const (
	// applyPatience is how long replicas have to answer unless somebody says otherwise.
	applyPatience = 30 * time.Second
	// maxApplyWait is how long they may have at most.
	maxApplyWait = time.Hour
)

// Apply implements admin.Gateway.
func (o *operator) Apply(ctx context.Context, q admin.ApplyQuery) (admin.Applied, error) {
	f := o.app.fleet
	if f == nil {
		return admin.Applied{}, conflict(errNoFleet)
	}
	c := fleet.Content{Servers: q.Servers, Rules: q.Rules, By: cmp.Or(q.By, "somebody at "+f.node.ID), At: time.Now().UTC(), DigestKey: []byte(rand.Text())}
	if err := c.Check(); err != nil {
		return admin.Applied{}, &admin.Error{Status: http.StatusRequestEntityTooLarge, Message: err.Error()}
	}
	wait := min(cmp.Or(max(0, time.Duration(q.WaitMS)*time.Millisecond), applyPatience), maxApplyWait)
	a := &applier{store: f.store, out: io.Discard, name: f.opts.name, wait: wait, skip: q.Skip}
	err := a.apply(ctx, c)
	o.app.auditAction(ctx, admin.ApplyFleet, "", "", err)
	return a.result, nil
}

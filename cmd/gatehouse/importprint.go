package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/plural"
	"gatehouse/internal/terminal"
)

// wrapped lists names for a help text.
func wrapped(names []string) string {
	const columns = 76
	return strings.Join(terminal.Wrap(strings.Join(names, ", "), columns), "\n")
}

// list joins names for people.
func list(names []string) string { return line(strings.Join(names, ", ")) }

func (o *importOptions) print(w io.Writer, read clientFiles, plan adopt.Plan, written []string) error {
	if o.asJSON {
		return writeJSON(w, map[string]any{
			"files": orEmpty(read.files), "servers": orEmpty(plan.Rows), "notes": orEmpty(plan.Notes),
			"conflicts": orEmpty(plan.Clashes), "variables": orEmpty(plan.Variables), "unset": orEmpty(plan.Unset), "written": orEmpty(written),
		})
	}
	printRead(w, read.files)
	if err := printRows(w, plan.Rows); err != nil {
		return err
	}
	printClashes(w, plan.Clashes)
	for _, part := range []struct {
		kind  clients.Kind
		title string
	}{{clients.Left, "Left out"}, {clients.Restriction, "Restrictions"}, {clients.Attention, "Look at"}, {clients.Info, "Means nothing here, or restricts nothing"}} {
		printNotes(w, part.title, part.kind, plan.Notes)
	}
	if n := len(plan.Variables); n > 0 {
		fmt.Fprintf(w, "\n%s for gatehouse.env, which only you may read: %s\n", plural.Of(n, "value"), list(plan.Variables))
	}
	if len(plan.Unset) > 0 {
		fmt.Fprintf(w, "\nSet neither in gatehouse.env nor in the keyring: %s\n(a variable of your shell reaches only a gateway that you start there)\n", list(plan.Unset))
	}
	o.printEnd(w, plan, written)
	return nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func printRead(w io.Writer, files []readFileOf) {
	if len(files) == 0 {
		fmt.Fprintln(w, "No program that gatehouse knows has a configuration here.")
	}
	for _, f := range files {
		if f.Problem != "" {
			fmt.Fprintf(w, "cannot read %s (%s): %s\n", line(f.Path), titleOf(f.Client), line(f.Problem))
			continue
		}
		fmt.Fprintf(w, "read %s (%s): %s\n", line(f.Path), titleOf(f.Client), plural.Of(f.Servers, "server"))
	}
}

// printRows prints a line for each server, however many programs have it.
func printRows(w io.Writer, rows []adopt.Row) error {
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := newTable(w)
	fmt.Fprintln(t, "SERVER\tFROM\tBECOMES\tMAY USE IT\tRUNS")
	for _, same := range rowsByServer(rows) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", cell(same[0].Server), cell(programsOf(same)), becomes(same), cell(usersOf(same)), cell(same[0].What))
	}
	return t.Flush()
}

// rowsByServer are the rows that are about the same server, in the order in which servers
// come.
func rowsByServer(rows []adopt.Row) (list [][]adopt.Row) {
	type key struct {
		server, what string
		state        adopt.State
	}
	at := map[key]int{}
	for _, r := range rows {
		k := key{r.Server, r.What, r.State}
		i, known := at[k]
		if !known {
			i = len(list)
			at[k], list = i, append(list, nil)
		}
		list[i] = append(list[i], r)
	}
	return list
}

// maxPrograms is how many programs a line of the table names; of more it has the number.
const maxPrograms = 2

func programsOf(same []adopt.Row) string {
	var titles []string
	for _, r := range same {
		if title := titleOf(r.Client); !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
	}
	if len(titles) > maxPrograms {
		return plural.Of(len(titles), "program")
	}
	return strings.Join(titles, ", ")
}

// becomes is what happens to a server, which is off if all programs have it off.
func becomes(same []adopt.Row) string {
	state := same[0].State
	if state == adopt.New && !slices.ContainsFunc(same, func(r adopt.Row) bool { return !r.Off }) {
		return string(state) + ", off"
	}
	return string(state)
}

func usersOf(same []adopt.Row) string {
	var agents []string
	for _, r := range same {
		if r.Agent != "" && !slices.Contains(agents, r.Agent) {
			agents = append(agents, r.Agent)
		}
	}
	return cmp.Or(strings.Join(agents, ", "), "nobody")
}

// printClashes says which servers nobody has decided about, and how to.
func printClashes(w io.Writer, clashes []adopt.Clash) {
	for _, c := range clashes {
		outcome := "none is written"
		if c.Choices[0].From == clients.EntryName {
			outcome = "the first stays as it is"
		}
		fmt.Fprintf(w, "\nThere are several servers %s, which differ in %s; %s:\n", line(c.Server), list(c.Fields), outcome)
		for _, choice := range c.Choices {
			fmt.Fprintf(w, "  %s, %s:%d: %s\n", titleOf(choice.From), line(choice.File), choice.Line, line(choice.What))
		}
	}
	if len(clashes) > 0 {
		fmt.Fprintln(w, "In a terminal, import asks which one counts. To have several, give them different names in their programs.")
	}
}

// cell is a text in a table.
func cell(text string) string { return strings.ReplaceAll(line(text), "\t", " ") }

func printNotes(w io.Writer, title string, kind clients.Kind, notes []clients.Note) {
	first := true
	for _, n := range notes {
		if n.Kind != kind {
			continue
		}
		if first {
			fmt.Fprintf(w, "\n%s:\n", title)
			first = false
		}
		where := line(n.File)
		if n.Line > 0 {
			where = fmt.Sprintf("%s:%d", where, n.Line)
		}
		if n.Server != "" {
			where += ": " + line(n.Server)
		}
		if where == "" {
			where = titleOf(n.Client)
		}
		fmt.Fprintf(w, "  %s: %s\n", where, line(n.Text))
	}
}

func (o *importOptions) printEnd(w io.Writer, plan adopt.Plan, written []string) {
	switch {
	case o.write && len(written) == 0:
		fmt.Fprintln(w, "\nThere is nothing new to write.")
	case o.write:
		fmt.Fprintln(w)
		for _, path := range written {
			fmt.Fprintf(w, "wrote %s\n", line(path))
		}
		fmt.Fprintln(w, `Next: "gatehouse validate" checks the files, and "gatehouse connect PROGRAM" adds gatehouse to a program.`)
	case plan.After.Servers != nil || plan.After.Rules != nil:
		fmt.Fprintln(w, "\nNothing has been written yet; add --write to write it.")
	}
}

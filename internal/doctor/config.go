package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/plural"
)

// misconfigured is the code of a server that cannot start as its entry stands: a
// warning elsewhere, as all others do.
const misconfigured = "server-misconfigured"

// maxProblems is how many problems of the files are shown, with one warning of each
// kind: twelve servers without a version are twelve times the same advice.
const maxProblems = 5

func files(f Facts) []Finding {
	if f.Files.Missing != "" {
		return []Finding{wrong("take over what your programs have: gatehouse import --write; or write templates: gatehouse init", "%s", f.Files.Missing)}
	}
	var found []Finding
	more, warned := 0, map[string]bool{}
	for _, p := range f.Files.Problems {
		if p.Code == misconfigured {
			p.Severity, p.Hint = jsondoc.Error, adviceFor(p.Message)
		}
		p.Hint = cmp.Or(p.Hint, "mend it; docs/errors.md says more of "+p.Code)
		switch p.Severity {
		case jsondoc.Error:
			found = append(found, wrong(p.Hint, "%s", p))
		case jsondoc.Warning:
			if warned[p.Code] {
				more++
				continue
			}
			warned[p.Code] = true
			found = append(found, warning(p.Hint, "%s", p))
		case jsondoc.Info:
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return rank(a) - rank(b) })
	level := Warning
	if cut := len(found) - maxProblems; cut > 0 {
		level, more = found[maxProblems].Level, more+cut
		found = found[:maxProblems]
	}
	if more > 0 {
		found = append(found, Finding{Level: level, What: plural.Of(more, "more problem") + " of the files", Do: "gatehouse validate"})
	}
	if !slices.ContainsFunc(f.Files.Problems, func(p jsondoc.Problem) bool { return p.Severity == jsondoc.Error }) {
		found = append([]Finding{fine("%s", f.Files.summary(len(f.Servers)))}, found...)
	}
	return append(found, f.Files.differ()...)
}

// keyringHas is what a server's problem says of a variable that is set, but whose value the
// keyring does not give.
const keyringHas = "is in the keyring of the system: "

// adviceFor says what to do about a server that cannot start as its entry stands.
func adviceFor(problem string) string {
	const setIt = "set what it names with \"gatehouse variable set\" or in gatehouse.env in the config folder, or fix its entry"
	_, kept, ok := strings.Cut(problem, keyringHas)
	switch {
	case !ok:
		return setIt
	case strings.Contains(problem, "is not set"):
		return "see to the keyring as it says; " + setIt + ", if it is not in the keyring"
	case strings.Contains(kept, "variable set"):
		return "set it again as it says, or fix its entry"
	}
	return "unlock the keyring of the system, or have it run in this session; what is in there need not be set again"
}

func rank(f Finding) int { return slices.Index([]Level{Wrong, Warning, Fine}, f.Level) }

func (f Files) summary(servers int) string {
	return fmt.Sprintf("%s, %s: %s switched on, %s", f.Servers, f.Rules, plural.Of(servers, "server"), plural.Of(f.Agents, "agent"))
}

// differ says that attach uses other files.
func (f Files) differ() []Finding {
	switch {
	case f.Shared:
		return nil
	case f.SharedServers == "":
		return []Finding{warning("give clients \"gatehouse attach --config "+f.FolderWord+"\", or move the files to the config folder",
			"\"gatehouse attach\" has no files: it looks in the config folder only")}
	}
	return []Finding{warning("give clients \"gatehouse attach --config "+f.FolderWord+"\" if these files are meant",
		"\"gatehouse attach\" uses other files: %s", f.SharedServers)}
}

func variables(f Facts) []Finding {
	if len(f.Servers) == 0 {
		return nil
	}
	var found []Finding
	const do = "keep them with \"gatehouse variable set\" or write them into gatehouse.env in the config folder: the gateway that clients share has no variable of a shell"
	for _, s := range f.Servers {
		if s.Unset != "" {
			found = append(found, f.shared(do, "server %s: only this shell has what it needs: %s", s.Name, s.Unset))
		}
		if len(s.Lost) > 0 {
			found = append(found, f.shared(insteadOfPassing(s.Lost), "server %s: env_pass finds %s in this shell only", s.Name, named(s.Lost)))
		}
	}
	return or(found, fine("no server depends on those of this shell"))
}

// insteadOfPassing says how a server gets variables that env_pass finds in a shell only. It
// takes them from the environment alone.
func insteadOfPassing(names []string) string {
	var env []string
	for _, name := range names[:min(len(names), maxNamed)] {
		env = append(env, fmt.Sprintf("%q: \"${%s}\"", name, name))
	}
	if len(names) > maxNamed {
		env = append(env, "...")
	}
	return "write \"env\": {" + strings.Join(env, ", ") + "} into its entry, and keep the values with \"gatehouse variable set\": env_pass takes nothing from there"
}

// shared is something that keeps a server from working behind "gatehouse attach":
// wrong if attach uses these files.
func (f Facts) shared(do, format string, args ...any) Finding {
	if f.Files.Shared {
		return wrong(do, format, args...)
	}
	return warning(do, format, args...)
}

func commands(f Facts) []Finding {
	if len(f.Servers) == 0 {
		return nil
	}
	var found []Finding
	var bare []string
	n := 0
	for _, s := range f.Servers {
		if s.Command == "" {
			continue
		}
		n++
		switch {
		case s.Here != "" && s.Background != "":
			found = append(found, wrong("install it, or write its whole path into the servers file", "server %s: %s", s.Name, s.Here))
		case s.Background != "":
			found = append(found, f.shared(f.keepPath(), "server %s: %s for the gateway that clients share; this shell finds it", s.Name, s.Background))
		case s.Here != "":
			found = append(found, warning("put its folder into the PATH of this shell", "server %s: %s in this shell; the gateway that clients share finds it", s.Name, s.Here))
		case !s.Desktop:
			bare = append(bare, s.Command)
		}
	}
	if len(bare) > 0 {
		slices.Sort(bare)
		found = append(found, fine("desktop programs would not find %s by themselves: there \"gatehouse attach\" does, \"gatehouse run\" does not", named(slices.Compact(bare))))
	}
	return or(found, fine("found: those of %s", plural.Of(n, "server")))
}

func (f Facts) keepPath() string {
	if f.KeepsPath {
		return "keep the PATH of this shell anew: gatehouse attach --keep-path; then: gatehouse restart --gateway"
	}
	return "keep the PATH of this shell for it: gatehouse attach --keep-path"
}

func runtimes(f Facts) []Finding {
	var found []Finding
	var there, absent []string
	for _, r := range f.Runtimes {
		switch {
		case r.Path != "" && r.Problem != "" && len(r.Servers) > 0:
			found = append(found, warning(r.Install, "%s is needed by %s: %s", r.Name, named(r.Servers), r.Problem))
		case r.Path != "":
			there = append(there, r.Name+" ("+r.Path+")")
		case len(r.Servers) > 0:
			found = append(found, wrong(r.Install, "%s is not there; needed by %s", r.Name, named(r.Servers)))
		default:
			absent = append(absent, r.Name)
		}
	}
	var text []string
	if len(there) > 0 {
		text = append(text, "there: "+strings.Join(there, ", "))
	}
	if len(absent) > 0 {
		text = append(text, "not there, and not needed: "+strings.Join(absent, ", "))
	}
	if len(text) > 0 {
		found = append(found, fine("%s", strings.Join(text, "; ")))
	}
	return found
}

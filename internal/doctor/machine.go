package doctor

import (
	"strings"
	"time"
)

func program(f Facts) []Finding {
	if f.Program.OnPath != "" {
		return []Finding{warning("keep one of the two, or put the folder of the newer one first in PATH",
			"gatehouse %s is %s, but PATH finds %s", f.Program.Version, f.Program.Path, f.Program.OnPath)}
	}
	return []Finding{fine("gatehouse %s, %s", f.Program.Version, f.Program.Path)}
}

// clockSlack is how much earlier than the build of the program the clock may be.
const clockSlack = 24 * time.Hour

func clock(f Facts) []Finding {
	now := f.Now.Format(time.RFC3339)
	if !f.Program.Built.IsZero() && f.Now.Before(f.Program.Built.Add(-clockSlack)) {
		return []Finding{wrong("set the clock: certificates and tokens are refused by it",
			"it says %s, which is before this program was built (%s)", now, f.Program.Built.Format(time.DateOnly))}
	}
	return []Finding{fine("%s", now)}
}

const (
	baseDescriptors      = 128 // for clients, files and the log
	descriptorsPerServer = 8
)

func descriptors(f Facts) []Finding {
	need := baseDescriptors + descriptorsPerServer*len(f.Servers)
	if f.Descriptors < need {
		return []Finding{warning("raise the limit: \"ulimit -n 4096\" in the shell, LimitNOFILE= in a systemd unit",
			"a process may have %d open at a time; %d servers need about %d", f.Descriptors, len(f.Servers), need)}
	}
	return []Finding{fine("a process may have %d open at a time", f.Descriptors)}
}

func folders(f Facts) []Finding {
	var found []Finding
	for _, dir := range f.Folders {
		found = append(found, folder(dir))
	}
	return or(found, wrong("set HOME, or XDG_STATE_HOME to a folder of your own", "there is no place for gatehouse's own files: this user has no home folder"))
}

func folder(dir Folder) Finding {
	switch {
	case dir.Problem != "":
		return wrong("make it a folder that you alone may write to (chmod 700), on a disk with room", "%s: %s", dir.What, dir.Problem)
	case dir.Missing:
		return fine("%s: %s, will be made", dir.What, dir.Path)
	}
	return fine("%s: %s", dir.What, dir.Path)
}

func socket(f Facts) []Finding {
	if f.Socket.Path == "" && f.Socket.Problem == "" {
		return []Finding{fine("there is no place for one, as this user has no home folder: clients start \"gatehouse run\", or share one over HTTP")}
	}
	if len(f.Silent) > 0 {
		return []Finding{wrong("end the process that has it (its id is in the name), or look at its log", "nobody answers at %s", named(f.Silent))}
	}
	return []Finding{folder(f.Socket)}
}

func port(f Facts) []Finding {
	for _, g := range f.Gateways {
		if f.Port.Problem != "" && strings.Contains(g.Reached, f.Port.Address) {
			return []Finding{fine("a gateway serves %s", g.Reached)}
		}
	}
	if f.Port.Problem != "" {
		return []Finding{warning("name another one where it is needed: gatehouse run --http 127.0.0.1:8001",
			"%s cannot be used by \"gatehouse run --transport http\": %s", f.Port.Address, f.Port.Problem)}
	}
	return []Finding{fine("%s is free", f.Port.Address)}
}

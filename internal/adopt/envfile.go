package adopt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/clients"
)

// envFile is the env file with what is added to it.
type envFile struct {
	values map[string]string
	used   map[string]bool // names that mean something already
	added  []string
}

func newEnvFile(values map[string]string, used map[string]bool) envFile {
	return envFile{values: values, used: used}
}

func (f *envFile) clone() envFile {
	return envFile{values: maps.Clone(f.values), used: maps.Clone(f.used), added: slices.Clone(f.added)}
}

// keep puts a secret into the file and returns the name of its variable: made of
// the server and the field, and one that nothing else has.
func (f *envFile) keep(server, field, value string) string {
	base := clients.VariableName(server, field)
	if prefix := clients.VariableName(server) + "_"; strings.HasPrefix(clients.VariableName(field), prefix) {
		base = clients.VariableName(field)
	}
	name := base
	for n := 2; ; n++ {
		have, known := f.values[name]
		if known && have == value {
			return name
		}
		if !known && !f.used[name] {
			break
		}
		name = fmt.Sprintf("%s_%d", base, n)
	}
	f.values[name] = value
	f.added = append(f.added, name)
	return name
}

func (f *envFile) names() []string { return f.added }

const envHead = `# Secrets of the MCP servers behind gatehouse, which every gateway of this user
# reads. Only you may read this file. "gatehouse import" adds to it.
`

var escapes = strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// text is the file with what was added to it.
func (f *envFile) text(before []byte) []byte {
	if len(f.added) == 0 {
		return before
	}
	var b strings.Builder
	b.Write(before)
	if len(before) == 0 {
		b.WriteString(envHead)
	} else if !strings.HasSuffix(b.String(), "\n") {
		b.WriteByte('\n')
	}
	for _, name := range f.added {
		fmt.Fprintf(&b, "%s=\"%s\"\n", name, escapes.Replace(f.values[name]))
	}
	return []byte(b.String())
}

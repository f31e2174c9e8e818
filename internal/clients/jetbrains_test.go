package clients_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/clients"
)

// ide reads files of JetBrains' programs, by the end of their paths.
func ide(t *testing.T, files map[string]string) clients.Found {
	t.Helper()
	c, _ := clients.Find("jetbrains")
	var sources []clients.Source
	for path, text := range files {
		file := clients.File{Path: filepath.Join("/home/u", filepath.FromSlash(path))}
		if strings.Contains(path, ".idea") {
			file.Base = "/home/u/project"
		}
		sources = append(sources, clients.Source{File: file, Data: []byte(text)})
	}
	return c.Read(sources, func(string) ([]byte, error) { return nil, filepath.ErrBadPattern })
}

const ideFile = ".config/JetBrains/IntelliJIdea2025.2/options/llm.mcpServers.xml"

// plain writes a value as it stands here, variables with their names.
func plain(v clients.Value) string {
	var b strings.Builder
	for _, p := range v {
		b.WriteString(p.Text)
		if p.Var != "" {
			b.WriteString("${" + p.Var + "}")
		}
	}
	return b.String()
}

func TestJetBrains_serversOfTheAIAssistant_inAllOfItsLayouts(t *testing.T) {
	for layout, text := range map[string]string{
		"2025.1": `<application>
  <component name="McpApplicationServerCommands" modifiable="true">
    <McpServerCommand sourceId="UserConfigurationSource">
      <option name="allowedToolsNames" />
      <option name="enabled" value="true" />
      <option name="name" value="files" />
      <option name="programPath" value="npx" />
      <option name="arguments" value="-y &quot;server files&quot;  $USER_HOME$/docs" />
      <option name="workingDirectory" value="/srv" />
      <envs><env name="TOKEN" value="s3cret &amp; more" /></envs>
    </McpServerCommand>
  </component>
</application>`,
		"in commands": `<application><component name="McpApplicationServerCommands"><commands><McpServerCommand>
<option name="name" value="files" /><option name="programPath" value="npx" />
<option name="arguments" value="-y &quot;server files&quot; $USER_HOME$/docs" /><option name="workingDirectory" value="/srv" />
<envs><env name="TOKEN" value="s3cret &amp; more" /></envs></McpServerCommand></commands><urls /></component></application>`,
		"with lists": `<application><component name="McpApplicationServerCommands"><commands><McpServerConfigurationProperties>
<option name="name" value="files" /><option name="command" value="npx" />
<option name="args"><list><option value="-y" /><option value="server files" /><option value="$USER_HOME$/docs" /></list></option>
<option name="cwd" value="/srv" /><option name="env"><map><entry key="TOKEN" value="s3cret &amp; more" /></map></option>
</McpServerConfigurationProperties></commands></component></application>`,
	} {
		found := ide(t, map[string]string{ideFile: text})
		if len(found.Servers) != 1 {
			t.Errorf("%s: got %d servers, notes %v; want one", layout, len(found.Servers), found.Notes)
			continue
		}
		s := found.Servers[0]
		var args []string
		for _, a := range s.Args {
			args = append(args, plain(a))
		}
		if s.Name != "files" || plain(s.Command) != "npx" || !slices.Equal(args, []string{"-y", "server files", "${HOME}/docs"}) || plain(s.Cwd) != "/srv" {
			t.Errorf("%s: got %s: %s %q in %s; want npx with three arguments in /srv", layout, s.Name, plain(s.Command), args, plain(s.Cwd))
		}
		if len(s.Env) != 1 || s.Env[0].Name != "TOKEN" || plain(s.Env[0].Value) != "s3cret & more" || s.Off || s.Allowed != nil {
			t.Errorf("%s: got env %v, off %t, allowed %v; want TOKEN alone, on, with all tools", layout, s.Env, s.Off, s.Allowed)
		}
		if s.Pos.Line < 1 || !strings.HasSuffix(s.Pos.File, "llm.mcpServers.xml") {
			t.Errorf("%s: got the position %v, want one in the file", layout, s.Pos)
		}
	}
}

func TestJetBrains_addressesAndProjects(t *testing.T) {
	found := ide(t, map[string]string{"project/.idea/workspace.xml": `<project version="4">
<component name="ChangeListManager"><option name="name" value="not a server" /></component>
<component name="McpProjectServerCommands"><commands><McpServerCommand><option name="name" value="local" /><option name="programPath" value="$PROJECT_DIR$/run.sh" /></McpServerCommand></commands>
<urls><McpServerURL><option name="name" value="far" /><option name="url" value="https://h.example.com/mcp" /><option name="headers"><map><entry key="Authorization" value="Bearer t" /></map></option></McpServerURL></urls>
</component></project>`})
	got := map[string]string{}
	for _, s := range found.Servers {
		got[s.Name] = plain(s.Command) + plain(s.URL)
		for _, h := range s.Headers {
			got[s.Name] += " " + h.Name + ": " + plain(h.Value)
		}
	}
	if len(got) != 2 || got["local"] != "/home/u/project/run.sh" || got["far"] != "https://h.example.com/mcp Authorization: Bearer t" {
		t.Errorf("got %v, want both servers of the component, and none of another", got)
	}
}

// Later versions define servers in mcp.json and say in XML which are off, and which of
// their tools may be used.
func TestJetBrains_statesOfServersDefinedElsewhere_areRestrictions(t *testing.T) {
	found := ide(t, map[string]string{
		".ai/mcp/mcp.json": `{"off": {"command": "a"}, "few": {"command": "b"}, "all": {"command": "c"}}`,
		".config/JetBrains/GoLand2026.2/options/llm.mcpServers.xml": `<application><component name="McpApplicationServerCommands"><commands>
<McpServerConfigurationProperties><option name="name" value="off" /><option name="enabled" value="false" /></McpServerConfigurationProperties>
<McpServerConfigurationProperties><option name="name" value="few" /><option name="enabled" value="true" /><option name="allowedToolsNames"><list><option value="read" /></list></option></McpServerConfigurationProperties>
<McpServerConfigurationProperties><option name="name" value="all" /><option name="enabled" value="true" /><option name="allowedToolsNames" /></McpServerConfigurationProperties>
</commands></component></application>`,
	})
	if len(found.Servers) != 3 {
		t.Fatalf("got %d servers, notes %v; want the three of mcp.json", len(found.Servers), found.Notes)
	}
	for _, s := range found.Servers {
		limited := s.Allowed != nil && slices.Equal(*s.Allowed, []string{"read"})
		if s.Off != (s.Name == "off") || limited != (s.Name == "few") || s.Name == "all" && s.Allowed != nil {
			t.Errorf("%s: got off %t, allowed %v; want off to be off, few to have one tool, and all all", s.Name, s.Off, s.Allowed)
		}
	}
}

func TestJetBrains_whatIsNotXML_isSaid(t *testing.T) {
	for what, text := range map[string]string{
		"cut off":  `<application><component name="McpApplicationServerCommands">`,
		"a bomb":   `<!DOCTYPE a [<!ENTITY b "bbbb">]><a name="&b;" />`,
		"too deep": strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
	} {
		found := ide(t, map[string]string{ideFile: text})
		if len(found.Servers) != 0 || len(found.Notes) != 1 || found.Notes[0].Kind != clients.Left {
			t.Errorf("%s: got %d servers, notes %v; want none, and a note", what, len(found.Servers), found.Notes)
		}
	}
}

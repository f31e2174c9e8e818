package clients

import "gatehouse/internal/jsondoc"

var zed = &Client{
	ID: "zed", Title: "Zed",
	files: func(p Place) []File {
		path := p.config("zed", "settings.json")
		switch p.GOOS {
		case windows:
			path = p.config("Zed", "settings.json")
		case "darwin":
			path = p.home(".config", "zed", "settings.json")
		}
		return append(user(path), p.inProject(".zed", "settings.json"))
	},
	read:    readZed,
	dialect: dialect{variables: literal, times: map[string]timeLimit{"timeout": callMillis}},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"context_servers"},
		entry: Command.fields,
		after: "Zed reads it at once.",
	},
}

func readZed(r *reader, root *jsondoc.Node) {
	for _, m := range members(root.Member("context_servers")) {
		if m.Value.Member("command") == nil && m.Value.Member("url") == nil {
			r.entryLeftOut(m, "it is an extension of Zed's, which says itself what it runs: write its command, and import it again")
			continue
		}
		r.entry(m.Key, m.KeyPos(), m.Value, r.from.Base)
	}
	for _, profile := range members(at(root, "agent", "profiles")) {
		r.zedProfile(profile)
	}
}

// zedProfile says which tools a profile switches off: gatehouse has no word for
// which of a client's profiles is calling.
func (r *reader) zedProfile(profile jsondoc.Member) {
	for _, server := range members(at(profile.Value, "context_servers")) {
		for _, tool := range members(at(server.Value, "tools")) {
			if tool.Value.Kind == jsondoc.KindBool && !tool.Value.Bool() {
				r.deny(server.Key, tool.Key)
				r.say(tool.KeyPos(), server.Key, Attention, "the profile %s switches %s off: the rule holds for all profiles", show(profile.Key), show(tool.Key))
			}
		}
	}
}

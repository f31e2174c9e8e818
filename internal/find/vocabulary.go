package find

import (
	"slices"
	"strings"
	"sync"
)

// stopWords say nothing of what a tool does, alone or in a question.
var stopWords = set(`a about all also am an and another any are as at be been both but by can could d did do does doing each either for from
	get give given had has have having he help her here him his how i if in into is it its just let like ll m make may me might my need of
	on or other our out over per please re s shall she should so some such sure t tell than that the their them then there these they this
	those to tool tools us use using ve very via want wanted wants was we were what when where whether which while who whom whose why will
	with within would you your`)

// wheres begin to say where or with what something is to be done: what is asked
// for stands before.
var wheres = set("in on from at within under inside for into using with")

// shows ask to see something: one thing or a list of them.
var shows = set("show display what")

// synonyms are what people say for what tools are called, and the other way
// round: stem → the others of its groups. They are made with the first question:
// most processes are asked none.
var synonyms = sync.OnceValue(func() map[string][]string {
	return groups(
		"list show display enumerate",
		"get fetch retrieve obtain read view show",
		"create add new make generate",
		"start begin create launch run",
		"delete remove erase drop destroy",
		"update edit modify change set alter",
		"edit change diff modification difference differ compare",
		"search find lookup query discover",
		"switch checkout",
		"convert transform translate",
		"picture image photo screenshot",
		"website site webpage page url link",
		"directory dir folder",
		"document doc file",
		"repository repo",
		"history log",
		"record commit save",
		"stage add index",
		"unstage reset undo revert",
		"download fetch",
		"run execute invoke",
		"stop kill end terminate halt",
		"send post submit",
		"write put save store",
		"clock time",
		"zone timezone",
		"contents content text",
		"coordinates geocode latitude longitude",
		"news article headline",
		"information info details detail",
		"check verify validate",
		"summary overview summarize",
		"trend trending hot popular",
		"copy duplicate clone",
		"location place address",
		"near nearby around",
		"dependency package library",
		"vulnerability security",
		"type fill input enter",
		"press click",
		"open navigate visit goto",
		"database db",
		"configuration config settings setting",
		"parameter param",
		"administrator admin",
		"application app",
		"message msg",
		"command cmd",
		"environment env",
		"number num count",
		"issue ticket bug",
		"user account member",
	)
})

func set(text string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		out[w] = true
	}
	return out
}

// groups returns for each stem the others of its groups, in order.
func groups(all ...string) map[string][]string {
	out := map[string][]string{}
	for _, g := range all {
		stems := strings.Fields(g)
		for i, w := range stems {
			stems[i] = stem(w)
		}
		for _, a := range stems {
			for _, b := range stems {
				if a != b && !slices.Contains(out[a], b) {
					out[a] = append(out[a], b)
				}
			}
		}
	}
	return out
}

package surface

import "gatehouse/internal/front/kinds"

// codeNotFound is the code of a failure for what a server does not list, of
// whatever kind but tools.
const codeNotFound = kinds.NotFound

// What servers have, as agents list it here.
var (
	tools     = kinds.Tools("tools/list")
	resources = kinds.Resources("resources/list")
	templates = kinds.Templates("resources/templates/list")
	prompts   = kinds.Prompts("prompts/list")
	methods   = kinds.Methods()
)

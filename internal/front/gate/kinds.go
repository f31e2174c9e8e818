package gate

import "gatehouse/internal/front/kinds"

// What servers have, as the gate lists it.
var (
	tools     = kinds.Tools(getServerTools)
	resources = kinds.Resources(listResources)
	templates = kinds.Templates(listResources)
	prompts   = kinds.Prompts(listPrompts)
)

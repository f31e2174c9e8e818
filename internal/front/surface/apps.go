package surface

import (
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/kinds"
	"gatehouse/internal/policy"
)

// showsPages reports whether the client declares that it shows pages of tools.
func (v *visit) showsPages() bool {
	capabilities := v.r.Capabilities
	if v.caller.Protocol < endpoint.StatelessRevision {
		capabilities = []byte(v.caller.Declared)
	}
	return declared(capabilities, extensionApps) != nil
}

// pageOf lets a client that shows pages read that of a tool that its agent may use,
// where no rule speaks of the page itself; nil does not.
func (v *visit) pageOf(p *passing) func(*front.Attempt) (policy.Decision, bool) {
	if p.kind != &resources || !kinds.IsPage(p.name) || !v.showsPages() {
		return nil
	}
	return func(a *front.Attempt) (policy.Decision, bool) { return pageGranted(a, p.name) }
}

// pageGranted returns the decision about the first tool that names a page and that
// the agent may use.
func pageGranted(a *front.Attempt, uri string) (d policy.Decision, ok bool) {
	server := a.Target().Server
	route, ok := a.RouteTo(server)
	if !ok {
		return d, false
	}
	catalog := route.Cell.Catalog()
	if catalog.Kept {
		return d, false // This run has not said so.
	}
	for _, tool := range toolsOfPages(a, server, catalog)[uri] {
		if d = a.Decision(&tools, server, tool); d.Allow {
			return d, true
		}
	}
	return d, false
}

// pagesView are the tools that name each page, of a server's list.
type pagesView struct{ server string }

func toolsOfPages(a *front.Attempt, server string, catalog *endpoint.Catalog) map[string][]string {
	pages, _ := a.Snapshot.Remember(pagesView{server}, catalog.Replaced(), func() any {
		pages := map[string][]string{}
		for _, tool := range catalog.Tools {
			for _, uri := range kinds.PagesNamed(tool.Raw) {
				pages[uri] = append(pages[uri], tool.Name)
			}
		}
		return pages
	}).(map[string][]string)
	return pages
}

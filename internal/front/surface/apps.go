package surface

import (
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/policy"
	"gatehouse/internal/rawjson"
)

// pageScheme begins the URIs of resources that are pages of tools.
const pageScheme = "ui://"

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
	if p.kind != &resources || !strings.HasPrefix(p.name, pageScheme) || !v.showsPages() {
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
			for _, uri := range pagesNamed(tool.Raw) {
				pages[uri] = append(pages[uri], tool.Name)
			}
		}
		return pages
	}).(map[string][]string)
	return pages
}

// pagesNamed are the pages that a tool's definition names, in the way of today and
// in the one of before.
func pagesNamed(definition []byte) (uris []string) {
	meta := rawjson.Get(definition, "_meta")
	for _, value := range [][]byte{rawjson.Get(rawjson.Get(meta, "ui"), "resourceUri"), rawjson.Get(meta, "ui/resourceUri")} {
		if uri := rawjson.Text(value); strings.HasPrefix(uri, pageScheme) {
			uris = append(uris, uri)
		}
	}
	return uris
}

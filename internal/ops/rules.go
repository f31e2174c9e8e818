package ops

import (
	"net/http"

	"gatehouse/internal/admin"
	"gatehouse/internal/policy"
)

// rulesPage is what the page of the rules shows.
type rulesPage struct {
	frame

	Query  admin.AccessQuery
	Access admin.Access
	Ask    question
	Answer *policy.Explanation
	Names  []string // of servers, to choose from
	Agents []string
	Wrong  string
}

// question is the form that asks for a decision.
type question struct{ Agent, Server, Kind, Name string }

func (s *Server) rules(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	page := rulesPage{frame: s.frame(r, "Rules", ""), Query: admin.AccessQuery{Agent: v.Get("agents"), Server: v.Get("servers")}}
	page.Access = s.opts.Gateway.Access(page.Query)
	page.Ask = question{v.Get("agent"), v.Get("server"), v.Get("kind"), v.Get("name")}
	all := s.opts.Gateway.Access(admin.AccessQuery{})
	page.Names, page.Agents = all.Servers, all.Agents
	if v.Has("server") {
		page.explain(s.opts.Gateway)
	}
	s.render(w, http.StatusOK, "rules", page)
}

// explain asks for the decision of the form.
func (p *rulesPage) explain(gw admin.Gateway) {
	explainer, ok := gw.(admin.Explainer)
	if !ok || p.Ask.Server == "" {
		p.Wrong = "Name a server."
		return
	}
	q := admin.Question{Agent: p.Ask.Agent, Server: p.Ask.Server}
	switch p.Ask.Kind {
	case "resource":
		q.Resource = p.Ask.Name
	case "prompt":
		q.Prompt = p.Ask.Name
	default:
		q.Tool = p.Ask.Name
	}
	e, err := explainer.Explain(q)
	if err != nil {
		p.Wrong = err.Error()
		return
	}
	p.Answer = &e
}

package admin_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/admin"
	"gatehouse/internal/policy"
)

// explaining is a gateway that answers with the question.
type explaining struct{ admin.Gateway }

func (explaining) Explain(q admin.Question) (policy.Explanation, error) {
	return policy.Explanation{
		Agent: q.Agent, Server: q.Server, Tool: q.Tool, Step: policy.ToolDeniedExact, Generation: 7,
		Rule: &policy.RuleRef{Path: "agents.a", Line: 3}, Overruled: []policy.RuleRef{}, Steps: []policy.ExplainedStep{},
	}, nil
}

func TestClient_explain_bringsQuestionAndAnswerOver(t *testing.T) {
	c, _ := serve(t, explaining{newFake()})
	q := admin.Question{Agent: "a", Server: "s/\"é", Tool: "t"}
	got, err := c.Explain(within(t), q)
	want, _ := explaining{}.Explain(q)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

func TestClient_explain_ofAGatewayThatCannot_isRefused(t *testing.T) {
	c, _ := serve(t, newFake())
	_, err := c.Explain(within(t), admin.Question{Server: "s"})
	if e, ok := errors.AsType[*admin.Error](err); !ok || e.Status != http.StatusNotImplemented {
		t.Errorf("got %v, want status %d", err, http.StatusNotImplemented)
	}
}

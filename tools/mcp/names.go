package mcp

import (
	"context"
	"encoding/json"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

// named is a run or a dataset.
type named struct{ kind, name, about string }

// names are the newest runs and the datasets. What cannot be read is left out:
// a list that works in part is better than none.
func (s *Server) names(ctx context.Context) []named {
	var out []named
	var list struct {
		Runs []struct {
			ID      string `json:"run"`
			Name    string `json:"name"`
			Kind    string `json:"kind"`
			Model   string `json:"model"`
			Dataset string `json:"dataset"`
		} `json:"runs"`
	}
	s.ask(ctx, "runs_list", map[string]any{"limit": maxListed}, &list)
	for _, r := range list.Runs {
		about := strings.TrimSpace(r.Name + " " + r.Kind + " of " + r.Model + " on " + r.Dataset)
		out = append(out, named{"runs", r.ID, tools.Plain(about)})
	}
	var sets struct {
		Datasets []struct {
			Name string `json:"dataset"`
		} `json:"datasets"`
	}
	s.ask(ctx, "dataset_list", nil, &sets)
	for _, d := range sets.Datasets[:min(len(sets.Datasets), maxListed)] {
		out = append(out, named{"datasets", d.Name, "dataset " + tools.Plain(d.Name)})
	}
	return out
}

func (s *Server) ask(ctx context.Context, tool string, args map[string]any, into any) {
	raw, err := s.value(ctx, tool, args)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		s.Logger.DebugContext(ctx, "listing names", "tool", tool, "error", err)
	}
}

// complete offers the names that begin with what was typed.
func (s *Server) complete(ctx context.Context, req *sdk.CompleteRequest) (*sdk.CompleteResult, error) {
	kind := map[string]string{"id": "runs", "run": "runs", "runs": "runs", "name": "datasets", "dataset": "datasets"}[req.Params.Argument.Name]
	typed := req.Params.Argument.Value
	before := ""
	if req.Params.Argument.Name == "runs" { // a list: the last one is being typed
		if i := strings.LastIndexAny(typed, ", "); i >= 0 {
			before, typed = typed[:i+1], typed[i+1:]
		}
	}
	values := []string{}
	for _, n := range s.names(ctx) {
		if n.kind == kind && strings.HasPrefix(n.name, typed) {
			values = append(values, before+n.name)
		}
	}
	const most = 100 // by the protocol
	shown := values[:min(len(values), most)]
	return &sdk.CompleteResult{Completion: sdk.CompletionResultDetails{Values: shown, Total: len(values), HasMore: len(shown) < len(values)}}, nil
}

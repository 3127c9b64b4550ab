package query

import (
	"context"
	_ "embed"
	"fmt"
	"path/filepath"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed run_tag.md
var tagDoc string

// TagIn is a tag for a run.
type TagIn struct {
	Run   string `json:"run" jsonschema:"which run: an id or its prefix, a name, latest, best:dice, …"`
	Key   string `json:"key" jsonschema:"name of the tag, without spaces and commas"`
	Value string `json:"value" jsonschema:"value of the tag"`
}

// TagOut is the run with its tags.
type TagOut struct {
	tools.Line
	Run  string            `json:"run" jsonschema:"id of the run"`
	Why  string            `json:"why" jsonschema:"why it is this run"`
	Tags map[string]string `json:"tags" jsonschema:"all tags of the run now"`
}

type runTag struct{ Deps }

func (runTag) Spec() tools.Spec {
	return tools.Spec{Name: "run_tag", Family: family, Effect: tools.Write, Doc: tagDoc}
}

func (t runTag) Preview(ctx context.Context, in TagIn) (tools.Preview, error) {
	p, picked, err := resolve.PreviewRun(ctx, t.Workspace, in.Run, "tag")
	if err != nil {
		return p, err
	}
	p.Summary += fmt.Sprintf(" with %s=%s", tools.Plain(in.Key), tools.Plain(in.Value))
	if picked.Run.Dir != "" {
		p.Writes = []string{filepath.Join(picked.Run.Dir, runs.TagsFile)}
	}
	if old, ok := picked.Run.Tags[in.Key]; ok {
		p.Notes = append(p.Notes, fmt.Sprintf("%s is %q now", tools.Plain(in.Key), tools.Plain(old)))
	}
	return p, nil
}

func (t runTag) Run(ctx context.Context, in TagIn, _ func(tools.Progress)) (TagOut, error) {
	picked, err := resolve.Run(t.Workspace, in.Run)
	if err != nil {
		return TagOut{}, err
	}
	id := picked.Run.ID()
	if err := runs.SetTag(ctx, t.Workspace, id, in.Key, in.Value); err != nil {
		return TagOut{}, asError(err)
	}
	tags, err := runs.ReadTags(picked.Run.Dir, picked.Run.Spec)
	if err != nil {
		return TagOut{}, asError(err)
	}
	return TagOut{
		Line: tools.Line{Summary: fmt.Sprintf("tagged %s with %s=%s", id, in.Key, in.Value)},
		Run:  id, Why: picked.Why, Tags: tags,
	}, nil
}

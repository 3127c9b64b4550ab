package planner

import (
	"fmt"
	"slices"
	"strings"
)

// settingWords are the settings of runs that can be asked for, as cues write
// alternatives.
const settingWords = "learning_rate|lr|batch_size|patch_size|optimizer|optimiser|precision|patience|dropout|weight_decay|seed|fold|epochs"

// settingsFrame recognises questions for settings of several runs, or of a run
// spoken of, which become SQL.
func settingsFrame() frame {
	return frame{intentSettings, []cue{
		{14, "what|which =runs|{runs}|=experiments|=trainings|run * use|used|with|have|had|at * " + settingWords + " * {num}"},
		{13, "=runs|{runs}|=experiments|=trainings with|at|using " + settingWords + " * {num}"},
		{13, "what|which =losses|=optimizers|=optimisers|=seeds|=folds|=batch_size * use|used|try|tried|=been * {runs}|=runs|=far|=ever|already"},
		{12, "{ref} " + settingWords},
		{12, settingWords + " of|for|in|across|per|by {runs}"},
		{12, "learning_rate|lr|batch_size|patch_size|optimizer|precision|patience|dropout|weight_decay of|for {ref}"},
		{12, settingWords + " of|for|in|across|per * =my|=our|=all|=these|=those * =runs|=experiments|{runs}"},
		{11, "what|which|list|show|give|tell * " + settingWords + " * {runs}"},
	}}
}

// settingName is the last part of a setting's key.
func settingName(it item) string {
	switch w := it.word(); w {
	case "lr":
		return "learning_rate"
	case "losses":
		return "loss"
	case "optimiser", "optimisers":
		return "optimizer"
	case "":
		return ""
	default:
		for name := range strings.SplitSeq(settingWords, "|") {
			if w == name || it.tok.stem == name || it.tok.stem+"s" == name {
				return name
			}
		}
		return ""
	}
}

// askSettings reads which settings are asked for, and of which runs.
func (r *reader) askSettings(g *goal, items []item) {
	g.kind = goalSettings
	for i := range items {
		if name := settingName(items[i]); name != "" && !slices.Contains(g.settings, name) {
			g.settings = append(g.settings, name)
		}
	}
	if i := slices.IndexFunc(items, func(it item) bool { return it.is(cNumber) && !it.tok.weak }); i > 0 && len(g.settings) == 1 {
		g.having = items[i].tok.num
		return
	}
	if i := slices.IndexFunc(items, func(it item) bool { return it.is(cRef) }); i >= 0 {
		if c := r.mem.listing(); items[i].mention.plural && c != nil && len(r.mem.runs) == 0 {
			g.like(c.args)
			return
		}
		g.runs = r.runsMeant(items)
		if items[i].mention.plural && len(r.mem.runs) > 1 && len(r.group) == 0 {
			g.runs = r.mem.runs
		}
		return
	}
	if _, ok := first(items, cRun); ok {
		g.runs = r.runsMeant(items)
	}
}

// listing is the call of the last plan that listed runs, or nil.
func (m memory) listing() *call {
	for i := range m.calls {
		if m.calls[i].tool == "runs_list" {
			return &m.calls[i]
		}
	}
	return nil
}

// like limits a goal to what a list of runs was limited to.
func (g *goal) like(args map[string]any) {
	for param, into := range map[string]*string{"model": &g.model, "dataset": &g.dataset, "state": &g.state, "tag": &g.tag} {
		if s, ok := args[param].(string); ok {
			*into = s
		}
	}
	switch n := args["limit"].(type) {
	case int64:
		g.count = int(n)
	case float64:
		g.count = int(n)
	}
}

// settingsSQL asks for settings of runs, the newest first.
func (g goal) settingsSQL() string {
	keys := make([]string, 0, len(g.settings))
	for _, s := range g.settings {
		keys = append(keys, fmt.Sprintf("p.key = %s or ends_with(p.key, %s)", quote(s), quote("."+s)))
	}
	if len(keys) == 0 {
		keys = []string{"true"}
	}
	having, newest := "", fmt.Sprintf(" order by created desc limit %d", g.limit(maxRows))
	if g.having != nil {
		having = fmt.Sprintf(" and try_cast(p.value as double) = %v", g.having)
		newest = ""
	}
	return fmt.Sprintf("select r.run_id, r.name, r.model, r.dataset, p.key, p.value from runs r join params p on p.run_id = r.run_id "+
		"where r.run_id in (select run_id from runs where %s%s) and (%s)%s order by r.created desc, p.key",
		g.where("runs"), newest, strings.Join(keys, " or "), having)
}

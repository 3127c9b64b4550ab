package planner

import (
	"encoding/json"
	"slices"
	"strings"
)

// memory is what the conversation so far has been about.
type memory struct {
	dataset   string
	model     string
	runs      []string // the run or runs spoken of last
	group     []string // all runs that the last turn named or made
	made      []string // names of datasets that came up
	aboutData bool     // a dataset, not a run, was spoken of last
	calls     []call   // the last plan
	text      string   // what asked for it
	texts     []string // what was said in the turns that planned something
}

// remember goes through earlier turns, oldest first.
func remember(history []exchange) memory {
	var m memory
	for _, e := range history {
		if len(e.rounds) > 0 {
			m.group = nil
		}
		for i, rd := range e.rounds {
			m.observe(rd)
			m.gather(rd)
			if i == 0 {
				m.calls, m.text = rd.calls, e.text
				m.texts = append(m.texts, e.text)
			}
		}
	}
	return m
}

// gather collects the runs that calls were about, so that "them" after a
// comparison means all that were compared.
func (m *memory) gather(rd round) {
	add := func(v any) {
		if run, ok := v.(string); ok && !strings.HasPrefix(run, "@") && !slices.Contains(m.group, run) {
			m.group = append(m.group, run)
		}
	}
	for _, c := range rd.calls {
		if strings.HasPrefix(c.tool, "dataset_") {
			continue
		}
		if list, ok := c.args["runs"].([]any); ok {
			for _, v := range list {
				add(v)
			}
		}
		add(c.args["run"])
		if c.tool == "train_launch" && c.result != nil && c.result.Run != "" {
			add(c.result.Run)
		}
	}
}

// several are the runs that "them" means: those of the last turn, if it was
// about more than one.
func (m *memory) several() []string {
	if len(m.group) > max(1, len(m.runs)) {
		return m.group
	}
	return m.runs
}

// names lists dataset names that may be spelt wrongly later.
func (m memory) names() []string { return m.made }

// observe takes in one batch of calls.
func (m *memory) observe(rd round) {
	var launched []string
	for _, c := range rd.calls {
		m.data(c)
		m.aboutData = strings.HasPrefix(c.tool, "dataset_")
		switch c.tool {
		case "train_launch", "job_resume":
			if c.result != nil && c.result.Run != "" {
				launched = append(launched, c.result.Run)
			}
		case "evaluate_run":
			if run := c.judged(); run != "" && len(launched) == 0 {
				m.runs = []string{run}
			}
		case "runs_sql", "compare_runs":
			if run := c.firstRun(); run != "" {
				m.runs = []string{run}
			}
		case "runs_list", "job_list":
			if all := c.listedRuns(); len(all) > 0 {
				m.runs = all
			}
		default:
			if run, ok := c.args["run"].(string); ok && !strings.HasPrefix(run, "@") {
				m.runs = []string{run}
				if c.result != nil && c.result.Run != "" {
					m.runs = []string{c.result.Run}
				}
			}
		}
	}
	if len(launched) > 0 {
		m.runs = launched
	}
}

// data remembers datasets.
func (m *memory) data(c call) {
	if model, ok := c.args["model"].(string); ok {
		m.model = model
	}
	for _, key := range []string{"dataset", "name"} {
		name, ok := c.args[key].(string)
		if !ok || strings.HasPrefix(name, "@") || key == "name" && !strings.HasPrefix(c.tool, "dataset_") {
			continue
		}
		m.dataset = name
		m.made = append(m.made, name)
	}
}

// judged is the run that an evaluation was about.
func (c call) judged() string {
	var v struct {
		Judges string `json:"judges"`
	}
	if c.result != nil && json.Unmarshal(c.result.Value, &v) == nil && v.Judges != "" {
		return v.Judges
	}
	if run, ok := c.args["run"].(string); ok && !strings.HasPrefix(run, "@") {
		return run
	}
	return ""
}

// firstRun is the run in the first row of a query, or a comparison's best.
func (c call) firstRun() string {
	if c.result == nil {
		return ""
	}
	var v struct {
		Best string `json:"best"`
	}
	if json.Unmarshal(c.result.Value, &v) == nil && v.Best != "" {
		return v.Best
	}
	t := c.table()
	if col := t.column("run_id"); col >= 0 && len(t.Rows) > 0 {
		return t.text(0, col)
	}
	return ""
}

// listedRuns are the runs that a list showed.
func (c call) listedRuns() []string {
	if c.result == nil {
		return nil
	}
	type row struct {
		RunID string `json:"run_id"`
		Run   string `json:"run"`
		ID    string `json:"id"`
	}
	var v struct {
		Runs []row `json:"runs"`
		Jobs []row `json:"jobs"`
	}
	if json.Unmarshal(c.result.Value, &v) != nil {
		return nil
	}
	var out []string
	for _, r := range append(v.Runs, v.Jobs...) {
		for _, id := range []string{r.RunID, r.Run, r.ID} {
			if id != "" {
				out = append(out, id)
				break
			}
		}
	}
	return out
}

package mcp

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// A recipe is a prompt: what a researcher would ask an assistant to do with
// the tools. Its text names the arguments in braces.
type recipe struct {
	name, title, description string
	arguments                []*sdk.PromptArgument
	text                     string
}

func recipes() []recipe {
	return []recipe{
		{
			"compare_runs", "Compare runs", "Compare runs by their scores on the same volumes and say what the numbers allow to say.",
			[]*sdk.PromptArgument{
				{Name: "runs", Description: "the runs, separated by commas: ids, names or selectors such as best:dice", Required: true},
				{Name: "metric", Description: "what to compare by; dice when left out"},
			},
			`Compare the minivess runs {runs} by {metric|dice}.
Call compare_runs, then run_show for the two best. Report the mean with its interval, the number of shared volumes and the verdict of the paired test.
Do not call one run better when the verdict is that the numbers do not decide it. Name the run id beside every number.`,
		},
		{
			"plan_experiment", "Plan an experiment", "Plan trainings that answer a question, with their cost, before anything starts.",
			[]*sdk.PromptArgument{
				{Name: "question", Description: "what is to be found out", Required: true},
				{Name: "dataset", Description: "the dataset to work on; asked for when left out"},
			},
			`Plan an experiment in minivess that answers: {question}
Dataset: {dataset|not chosen yet: look at dataset_list and ask}.
First read what is there: dataset_show, runs_list, and compare_runs if something like it was done before. Then propose the fewest trainings that answer the question, with model, patch size, epochs, seed and fold, what is held fixed, and the metric that decides.
Do not start anything. Show the plan with the cost that each train_launch would ask approval for, and wait for a word.`,
		},
		{
			"explain_failure", "Explain a failure", "Find out why a run failed and what to change.",
			[]*sdk.PromptArgument{{Name: "run", Description: "the run: an id, a name or latest", Required: true}},
			`Find out why the minivess run {run} failed or stopped.
Read job_status, job_logs, and metric_history of the loss. Say what happened, quote the lines that show it, and propose the smallest change: a lower learning rate after a NaN, a smaller patch or batch after memory ran out, job_resume if it was only interrupted.
Do not start anything before it was approved.`,
		},
		{
			"summarise_workspace", "Summarise the workspace", "Say what was done in this workspace and what stands out.", nil,
			`Summarise this minivess workspace: dataset_list, runs_list and, where there are evaluated runs, the best of each model by dice on the test split.
Say which runs failed, which are still at work, and what would be worth doing next. Name the run id beside every number.`,
		},
	}
}

func (s *Server) addPrompts() {
	for _, r := range recipes() {
		s.sdk.AddPrompt(&sdk.Prompt{Name: r.name, Title: r.title, Description: r.description, Arguments: r.arguments}, r.get)
	}
}

// get fills a recipe in.
func (r recipe) get(_ context.Context, req *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
	text := r.text
	for _, a := range r.arguments {
		value := clip(strings.TrimSpace(req.Params.Arguments[a.Name]))
		if value == "" && a.Required {
			return nil, fmt.Errorf("the prompt %s needs the argument %s: %s", r.name, a.Name, a.Description)
		}
		text = fillIn(text, a.Name, value)
	}
	return &sdk.GetPromptResult{
		Description: r.description,
		Messages:    []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: text}}},
	}, nil
}

// fillIn replaces {name} or {name|otherwise}. Values are put in once and never
// read again, so braces in them mean nothing.
func fillIn(text, name, value string) string {
	before, rest, found := strings.Cut(text, "{"+name)
	if !found {
		return text
	}
	otherwise, after, _ := strings.Cut(rest, "}")
	if value == "" {
		value = strings.TrimPrefix(otherwise, "|")
	}
	return before + value + after
}

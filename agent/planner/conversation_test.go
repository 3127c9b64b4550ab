package planner_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/planner"
	"github.com/minivess/minivess/tools"
)

// chat plays the assistant: it keeps the messages and answers tool calls.
type chat struct {
	t        *testing.T
	model    *planner.Model
	tools    []llms.Tool
	messages []llms.MessageContent
}

func newChat(t *testing.T, options ...planner.Option) *chat {
	t.Helper()
	c := &chat{t: t, model: planner.New(options...)}
	for _, d := range catalogue(t) {
		c.tools = append(c.tools, offered(d))
	}
	return c
}

func offered(d tools.Descriptor) llms.Tool {
	return llms.Tool{Type: "function", Function: &llms.FunctionDefinition{Name: d.Name, Description: d.Description, Parameters: d.Input}}
}

// next asks the model and appends what it says.
func (c *chat) next() *llms.ContentChoice {
	c.t.Helper()
	resp, err := c.model.GenerateContent(c.t.Context(), c.messages, llms.WithTools(c.tools))
	if err != nil {
		c.t.Fatal(err)
	}
	choice := resp.Choices[0]
	msg := llms.MessageContent{Role: llms.ChatMessageTypeAI}
	if choice.Content != "" {
		msg.Parts = append(msg.Parts, llms.TextPart(choice.Content))
	}
	for _, tc := range choice.ToolCalls {
		msg.Parts = append(msg.Parts, tc)
	}
	c.messages = append(c.messages, msg)
	return choice
}

func (c *chat) say(text string) *llms.ContentChoice {
	c.t.Helper()
	c.messages = append(c.messages, llms.TextParts(llms.ChatMessageTypeHuman, text))
	return c.next()
}

// results answers the calls of the last message, in order, and asks again.
func (c *chat) results(contents ...string) *llms.ContentChoice {
	c.t.Helper()
	var calls []llms.ToolCall
	for _, p := range c.messages[len(c.messages)-1].Parts {
		if tc, ok := p.(llms.ToolCall); ok {
			calls = append(calls, tc)
		}
	}
	if len(calls) != len(contents) {
		c.t.Fatalf("%d calls, %d results: %v", len(calls), len(contents), calls)
	}
	for i, tc := range calls {
		c.messages = append(c.messages, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{
			llms.ToolCallResponse{ToolCallID: tc.ID, Name: tc.FunctionCall.Name, Content: contents[i]},
		}})
	}
	return c.next()
}

func done(tool, summary, run string, value any) string {
	raw, err := json.Marshal(map[string]any{"tool": tool, "state": "done", "summary": summary, "run": run, "value": value})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func rows(columns []string, cells ...[]any) string {
	return done("runs_sql", fmt.Sprintf("%d rows", len(cells)), "", map[string]any{"columns": columns, "rows": cells})
}

var (
	qualityColumns = []string{"run_id", "model", "dataset", "split", "metric", "mean", "lowest", "highest", "volumes"}
	bestColumns    = []string{"run_id", "name", "model", "dataset", "split", "dice", "lowest", "highest", "volumes"}
)

func names(choice *llms.ContentChoice) string {
	var out []string
	for _, tc := range choice.ToolCalls {
		out = append(out, tc.FunctionCall.Name)
	}
	return strings.Join(out, " ")
}

func expectWords(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("the answer lacks %q:\n%s", w, got)
		}
	}
}

// TestDemoConversation plays the main job to its end: plan, queries, answer.
func TestDemoConversation(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	plan := c.say("make a synthetic dataset called demo with 10 volumes, train a segresnet on it, evaluate it on the test volumes, tell me how good it is and say which run is best")
	if got := names(plan); got != "dataset_create_synthetic train_launch evaluate_run" {
		t.Fatalf("plan: %s", got)
	}
	if got := plan.ToolCalls[1].FunctionCall.Arguments; got != `{"_needs":["1"],"dataset":"demo","model":"segresnet"}` {
		t.Errorf("train_launch%s", got)
	}
	if got := plan.ToolCalls[2].FunctionCall.Arguments; got != `{"run":"@2.run","split":"test"}` {
		t.Errorf("evaluate_run%s", got)
	}
	asked := c.results(
		done("dataset_create_synthetic", "demo: 10 volumes, 3.1 % foreground, split 6/2/2 by volume", "", map[string]any{"dataset": "demo"}),
		done("train_launch", "finished after 400 steps", "brisk-otter-7f3a", map[string]any{"run": "brisk-otter-7f3a"}),
		done("evaluate_run", "evaluated on 2 volumes", "calm-heron-01bc", map[string]any{"run": "calm-heron-01bc", "judges": "brisk-otter-7f3a", "tolerance": 2, "unit": "um"}),
	)
	if got := names(asked); got != "runs_sql runs_sql" {
		t.Fatalf("after the steps: %s %s", got, asked.Content)
	}
	if q := asked.ToolCalls[0].FunctionCall.Arguments; !strings.Contains(q, "c.job_id in ('calm-heron-01bc')") {
		t.Errorf("the scores asked for are not this evaluation's: %s", q)
	}
	answer := c.results(
		rows(qualityColumns,
			[]any{"brisk-otter-7f3a", "segresnet", "demo", "test", "cldice", 0.91, 0.9, 0.92, 2},
			[]any{"brisk-otter-7f3a", "segresnet", "demo", "test", "dice", 0.8612, 0.84, 0.88, 2},
			[]any{"brisk-otter-7f3a", "segresnet", "demo", "test", "hd95", 1.9, 1.8, 2.0, 2},
			[]any{"brisk-otter-7f3a", "segresnet", "demo", "test", "nsd", 0.97, 0.96, 0.98, 2}),
		rows(bestColumns, []any{"brisk-otter-7f3a", nil, "segresnet", "demo", "test", 0.8612, 0.84, 0.88, 2}),
	)
	if len(answer.ToolCalls) > 0 {
		t.Fatalf("still asks for %s", names(answer))
	}
	expectWords(t, answer.Content,
		"Run brisk-otter-7f3a reaches a test Dice of 0.861 (2 volumes, 0.840–0.880), clDice 0.910, HD95 1.900 µm, NSD 0.970 at 2 µm.",
		"With two volumes the interval is only a range. Source: query 1.",
		"Run brisk-otter-7f3a (segresnet) is best by test Dice: 0.861 (2 volumes, 0.840–0.880).",
		"Source: query 2.", "split 6/2/2 by volume")
}

// TestQuestionIsAnswered: a pure question is one query and one answer.
func TestQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		result string
		want   []string
	}{
		"which run has the best dice?": {
			rows(bestColumns,
				[]any{"brisk-otter-7f3a", "baseline", "segresnet", "toy", "test", 0.9, 0.8, 0.95, 7},
				[]any{"calm-heron-01bc", "", "swinunetr", "toy", "val", 0.7, nil, nil, nil}),
			[]string{"Run brisk-otter-7f3a (baseline, segresnet) is best by test Dice: 0.900 (7 volumes, 0.800–0.950).", "Behind it: calm-heron-01bc (swinunetr) 0.700 on val only.", "Source: query 1."},
		},
		"what is the best run?":          {rows(bestColumns), []string{"No run has a value of Dice yet."}},
		"how good is brisk-otter-7f3a?":  {rows(qualityColumns), []string{"There are no test scores", "evaluate brisk-otter-7f3a on the test split"}},
		"how many runs failed?":          {rows([]string{"runs"}, []any{3}), []string{"There are 3 failed training runs."}},
		"which run was the fastest?":     {rows([]string{"run_id", "name", "model", "dataset", "state", "seconds"}, []any{"brisk-otter-7f3a", "", "segresnet", "toy", "finished", 61.5}), []string{"Run brisk-otter-7f3a (segresnet) was the fastest: 61.5 s (finished)."}},
		"average dice per model":         {rows([]string{"model", "dice", "runs"}, []any{"segresnet", 0.7, 2}), []string{"segresnet  0.7", "Source: query 1."}},
		"which runs have a dice above 1": {rows(bestColumns), []string{"No run has a Dice at least 1."}},
		"which volume is the worst in brisk-otter": {
			rows([]string{"run_id", "volume", "split", "dice"}, []any{"brisk-otter-7f3a", "mv07", "test", 0.61}),
			[]string{"The worst volume by Dice is mv07 with 0.610."},
		},
		"select 1 as one": {rows([]string{"one"}, []any{1}), []string{"one\n1", "Source: query 1."}},
	}
	for say, tc := range cases {
		t.Run(say, func(t *testing.T) {
			t.Parallel()
			c := newChat(t)
			if got := names(c.say(say)); got != "runs_sql" {
				t.Fatalf("planned %s", got)
			}
			answer := c.results(tc.result)
			if len(answer.ToolCalls) > 0 {
				t.Fatalf("asks for more: %s", names(answer))
			}
			expectWords(t, answer.Content, tc.want...)
		})
	}
}

// TestWorstIsLookedUpBeforeItIsDeleted: the id comes from rows, the words say
// why it is this run, and the delete is a plan of its own, to be reviewed.
func TestWorstIsLookedUpBeforeItIsDeleted(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	if got := names(c.say("delete the worst run")); got != "runs_sql" {
		t.Fatalf("planned %s", got)
	}
	plan := c.results(rows(bestColumns, []any{"calm-heron-01bc", nil, "segresnet", "toy", "test", 0.41, 0.3, 0.5, 2}))
	if len(plan.ToolCalls) != 1 || plan.ToolCalls[0].FunctionCall.Arguments != `{"run":"calm-heron-01bc"}` || names(plan) != "run_delete" {
		t.Fatalf("planned %v", plan.ToolCalls)
	}
	expectWords(t, plan.Content, "The worst run by Dice is calm-heron-01bc (Dice 0.410 on test, query 1).")
	answer := c.results(done("run_delete", "calm-heron-01bc is deleted", "calm-heron-01bc", map[string]any{}))
	expectWords(t, answer.Content, "calm-heron-01bc is deleted")
	if len(answer.ToolCalls) > 0 {
		t.Errorf("goes on with %s", names(answer))
	}
}

// TestSetsAreExpanded: "all failed runs" becomes one step a run that was found.
func TestSetsAreExpanded(t *testing.T) {
	t.Parallel()
	columns := []string{"run_id", "name", "model", "dataset", "state", "created"}
	c := newChat(t)
	c.say("delete all failed runs")
	plan := c.results(rows(columns, []any{"a-run-01", "", "", "", "failed", ""}, []any{"b-run-02", "", "", "", "failed", ""}))
	if names(plan) != "run_delete run_delete" {
		t.Errorf("planned %s", names(plan))
	}
	c = newChat(t)
	c.say("delete all failed runs")
	if none := c.results(rows(columns)); len(none.ToolCalls) > 0 || !strings.Contains(none.Content, "No run matches") {
		t.Errorf("planned %s, said %q", names(none), none.Content)
	}
	c = newChat(t)
	c.say("compare the last 3 runs")
	plan = c.results(rows(columns, []any{"a-run-01"}, []any{"b-run-02"}))
	if len(plan.ToolCalls) > 0 {
		t.Errorf("rows of the wrong width were believed: %s", names(plan))
	}
}

// TestFailureIsTold: what failed, why, and what was not done; no query after.
func TestFailureIsTold(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	c.say("train a segresnet on toy and then evaluate it")
	answer := c.results(
		`{"tool":"train_launch","state":"failed","run":"brisk-otter-7f3a","code":"failed","message":"the loss became NaN at step 40","hint":"use a lower learning rate"}`,
		`{"tool":"evaluate_run","state":"skipped","code":"conflict","message":"step 1 failed"}`)
	if len(answer.ToolCalls) > 0 {
		t.Errorf("goes on with %s", names(answer))
	}
	expectWords(t, answer.Content, "train_launch failed: the loss became NaN at step 40. use a lower learning rate.", "evaluate_run was not run")
}

// TestRejectionIsTold: a plan that was turned down ends there.
func TestRejectionIsTold(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	c.say("train a segresnet on toy")
	answer := c.results(`{"tool":"train_launch","state":"rejected","code":"refused","message":"turned down: too long"}`)
	expectWords(t, answer.Content, "Nothing was done: the plan was turned down.")
	changed := c.say("make it 5 steps")
	if names(changed) != "train_launch" || !strings.Contains(changed.ToolCalls[0].FunctionCall.Arguments, `"max_steps":5`) {
		t.Errorf("planned %v", changed.ToolCalls)
	}
}

// TestMemory: later turns refer to what earlier results were about.
func TestMemory(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	c.say("which run has the best dice?")
	c.results(rows(bestColumns, []any{"brisk-otter-7f3a", nil, "segresnet", "toy", "test", 0.9, 0.8, 0.95, 7}))
	tagged := c.say("tag it as champion")
	if got := tagged.ToolCalls[0].FunctionCall.Arguments; got != `{"key":"champion","run":"brisk-otter-7f3a","value":"true"}` {
		t.Errorf("run_tag%s", got)
	}
	expectWords(t, tagged.Content, `I take "it" as brisk-otter-7f3a.`)
	c.results(done("run_tag", "tagged", "brisk-otter-7f3a", map[string]any{}))
	c.say("train a segresnet on toy")
	c.results(done("train_launch", "launched", "calm-heron-01bc", map[string]any{}))
	if got := c.say("cancel that job").ToolCalls[0].FunctionCall.Arguments; got != `{"run":"calm-heron-01bc"}` {
		t.Errorf("job_cancel%s", got)
	}
}

// TestNamesGiveChoices: a question lists what there is, and names are known
// anywhere in a sentence.
func TestNamesGiveChoices(t *testing.T) {
	t.Parallel()
	c := newChat(t, planner.WithNames(func(ctxt) planner.Names {
		return planner.Names{Datasets: []string{"Toy", "cortex"}, Runs: []string{"brisk-otter-7f3a"}}
	}))
	asked := c.say("train a segresnet")
	expectWords(t, asked.Content, "Which dataset shall I train on: Toy, cortex?")
	questions, ok := asked.GenerationInfo[planner.InfoQuestions].([]planner.Question)
	if !ok || len(questions) != 1 || len(questions[0].Choices) != 2 {
		t.Errorf("questions %v", asked.GenerationInfo[planner.InfoQuestions])
	}
	if got := c.say("the second one").ToolCalls[0].FunctionCall.Arguments; !strings.Contains(got, `"dataset":"cortex"`) {
		t.Errorf("train_launch%s", got)
	}
	mended := c.say("train a segresnet on cortez")
	if got := mended.ToolCalls[0].FunctionCall.Arguments; !strings.Contains(got, `"dataset":"cortex"`) {
		t.Errorf("train_launch%s", got)
	}
	expectWords(t, mended.Content, `I read "cortez" as cortex.`)
	if got := c.say("segresnet, toy, 3 epochs, train please").ToolCalls; len(got) != 1 || !strings.Contains(got[0].FunctionCall.Arguments, `"dataset":"Toy"`) {
		t.Errorf("planned %v", got)
	}
}

// TestRewriteLeavesNumbersOut: an answer that is sent back for a number comes
// again without numbers, and the note is no wish of its own.
func TestRewriteLeavesNumbersOut(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	c.say("what datasets do I have?")
	c.results(done("dataset_list", "demo made at 23:13. It has vessels", "", map[string]any{}))
	again := c.say("These numbers of your answer stand in no tool result: 23, 13. Say it again with numbers from tool results only, or look them up first.")
	if len(again.ToolCalls) > 0 || again.Content != "It has vessels" {
		t.Errorf("planned %s, said %q", names(again), again.Content)
	}
}

// TestSettingsAskedForAreShown: of a run's settings those that were asked for,
// else those that somebody chose.
func TestSettingsAskedForAreShown(t *testing.T) {
	t.Parallel()
	shown := done("run_show", "brisk-otter-7f3a: segresnet on toy", "brisk-otter-7f3a", map[string]any{"why": "the highest test/dice", "settings": []map[string]string{
		{"key": "train.learning_rate", "value": "0.001", "source": "default"}, {"key": "train.epochs", "value": "3", "source": "argument"}, {"key": "threads", "value": "0", "source": "default"},
	}})
	for say, want := range map[string][2]string{
		"what learning rate did brisk-otter use?": {"train.learning_rate  default  0.001", "train.epochs"},
		"show me run brisk-otter":                 {"train.epochs  argument  3", "train.learning_rate"},
		"tell me about our best run":              {"segresnet on toy (the highest test/dice)", "threads"},
	} {
		c := newChat(t)
		c.say(say)
		answer := c.results(shown).Content
		expectWords(t, answer, want[0])
		if strings.Contains(answer, want[1]) {
			t.Errorf("%s: shows %s too:\n%s", say, want[1], answer)
		}
	}
}

// TestNetworksAreShown: the list says what each network is, and the options of
// one that was asked for by any of its names.
func TestNetworksAreShown(t *testing.T) {
	t.Parallel()
	listed := done("model_list", "2 networks: segresnet (1.18 M parameters), swinunetr (15.70 M parameters)", "", map[string]any{"models": []map[string]any{
		{"model": "segresnet", "about": "light and fast", "options": []map[string]any{{"name": "init_filters", "default": 8, "doc": "channels of the first level"}}},
		{"model": "swinunetr", "about": "windows that shift", "options": []map[string]any{{"name": "use_v2", "default": false, "doc": "a block before every stage"}}},
	}})
	for say, want := range map[string][2]string{
		"which models are there?":                  {"swinunetr: windows that shift", "use_v2"},
		"what options does the swin unetr have?":   {"use_v2 (false): a block before every stage", "init_filters"},
		"how many parameters does segresnet have?": {"init_filters (8)", "use_v2"},
	} {
		c := newChat(t)
		if got := names(c.say(say)); got != "model_list" {
			t.Fatalf("%s: planned %s", say, got)
		}
		answer := c.results(listed).Content
		expectWords(t, answer, "1.18 M parameters", want[0])
		if strings.Contains(answer, want[1]) {
			t.Errorf("%s: shows %s too:\n%s", say, want[1], answer)
		}
	}
}

// TestSwapAfterItRan: a plan that has been carried out is planned again with
// another network, and what was meant for the first one only is left out.
func TestSwapAfterItRan(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	c.say("train a swinunetr on toy for 3 epochs with feature size 24")
	c.results(done("train_launch", "launched", "brisk-otter-7f3a", map[string]any{}))
	swapped := c.say("swap in dynunet")
	if got := swapped.ToolCalls[0].FunctionCall.Arguments; got != `{"dataset":"toy","epochs":3,"model":"dynunet"}` {
		t.Errorf("train_launch%s", got)
	}
	expectWords(t, swapped.Content, "I leave out model.options.feature_size=24")
	c.results(done("train_launch", "launched", "calm-heron-01bc", map[string]any{}))
	if got := c.say("export it as int8 onnx").ToolCalls[0].FunctionCall.Arguments; got != `{"format":"onnx-int8","run":"calm-heron-01bc"}` {
		t.Errorf("model_export%s", got)
	}
}

// TestListsAreCompared keeps a question and the wish after it apart where both
// hold lists, which Go cannot compare with ==.
func TestListsAreCompared(t *testing.T) {
	t.Parallel()
	m := planner.New(planner.WithCatalogue(catalogue(t)), here())
	for _, say := range []string{
		"how do brisk-otter-7f3a and calm-heron-01bc compare? compare brisk-otter-7f3a and quiet-lynx-9d2e",
		"did you evaluate calm-heron-01bc by dice and hd95? evaluate calm-heron-01bc by dice and nsd",
	} {
		if got := m.Plan(t.Context(), catalogue(t), say); len(got.Steps) == 0 {
			t.Errorf("%q: nothing planned; reply: %s", say, got.Reply)
		}
	}
}

package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/llm"
)

// The keys under which a model may say more than text beside its answer; the
// built-in planner does.
const (
	infoQuestions   = "questions"
	infoAssumptions = "assumptions"
	infoExplanation = "explanation"
)

var errSilent = errors.New("the model said nothing and called no tool")

// understand is the node that asks the model what to do next.
func (a *Assistant) understand(ctx context.Context, s state, rt *graph.Runtime) (result, error) {
	if own := &s.Messages[len(s.Messages)-1]; own.Own && own.draft() {
		return a.to(nodeAnswer), nil // the assistant answers by itself
	}
	round := a.fields.round.Set(s.Round + 1)
	if s.Round >= a.options.MaxRounds {
		return a.fail(&Problem{
			Code: CodeLoop, Message: fmt.Sprintf("no answer after %d rounds of tool calls", s.Round),
			Hint: "ask for a smaller part of it",
		}, round), nil
	}
	var begun []graph.Write[state]
	if s.Due != nil {
		out, ended, done := a.takeUp(ctx, s, rt)
		if done {
			return out, nil
		}
		s.Messages = append(slices.Clone(s.Messages), ended)
		begun = []graph.Write[state]{a.fields.due.Set(nil), a.fields.messages.Set([]Message{ended})}
	}
	emitter(rt)(Event{Kind: EventThinking, Text: a.options.ModelName})
	u, listening, options := a.listen(llm.WithThread(ctx, rt.Thread()), rt)
	said, err := a.ask(listening, s.Messages, options...)
	u.end()
	if err != nil {
		if cause := ended(ctx); cause != nil {
			return result{}, cause // detached: Continue asks again
		}
		return a.fail(problemOf(CodeModel, fmt.Errorf("the language model could not be asked: %w", err)), append(begun, round)...), nil
	}
	m := a.message(rt, RoleAssistant, said.Text)
	m.Calls, m.Assumptions, m.Assumed, m.Questions, m.Notices = said.Calls, said.Assumptions, said.Assumed, said.Questions, said.Notices
	for _, notice := range m.Notices { // who answered instead of whom, and why
		if !s.noticed(rt.Run(), notice) {
			emitter(rt)(Event{Kind: EventReply, Text: notice})
		}
	}
	writes := append(begun, round, a.fields.messages.Set([]Message{m}))
	if len(m.Calls) == 0 {
		return a.to(nodeAnswer, writes...), nil
	}
	if m.Text != "" {
		emitter(rt)(Event{Kind: EventReply, Text: m.Text})
	}
	return a.to(nodePlan, writes...), nil
}

// ask calls the model and brings its answer into one form.
func (a *Assistant) ask(ctx context.Context, messages []Message, options ...llms.CallOption) (Message, error) {
	resp, err := a.options.Model.GenerateContent(ctx, a.conversation(ctx, messages), append(options, llms.WithTools(a.offered))...)
	if err != nil {
		return Message{}, err
	}
	var m Message
	var words []string
	for _, c := range resp.Choices {
		if text := strings.TrimSpace(c.Content); text != "" {
			words = append(words, text)
		}
		for _, tc := range c.ToolCalls {
			if tc.FunctionCall != nil {
				m.Calls = append(m.Calls, Call{ID: tc.ID, Tool: tc.FunctionCall.Name, Args: tc.FunctionCall.Arguments})
			}
		}
		m.Assumptions = append(m.Assumptions, textList(c.GenerationInfo[infoAssumptions])...)
		m.Notices = append(m.Notices, textList(c.GenerationInfo[llm.InfoNotices])...)
		m.Assumed = append(m.Assumed, assumedIn(c.GenerationInfo[infoExplanation])...)
		m.Questions = append(m.Questions, questionList(c.GenerationInfo[infoQuestions])...)
	}
	m.Text = strings.Join(words, "\n\n")
	if m.Text == "" && len(m.Calls) == 0 {
		if len(m.Questions) == 0 {
			return Message{}, errSilent
		}
		m.Text = m.Questions[0].Text
	}
	if len(m.Calls) == 0 && len(m.Questions) == 0 {
		m.Questions = asked(m.Text)
	}
	nameCalls(m.Calls, len(messages))
	return m, nil
}

// nameCalls gives an id to calls that came without one or with one twice.
func nameCalls(calls []Call, salt int) {
	var seen []string
	for i := range calls {
		if calls[i].ID == "" || slices.Contains(seen, calls[i].ID) {
			calls[i].ID = fmt.Sprintf("call_%d_%d", salt, i+1)
		}
		seen = append(seen, calls[i].ID)
	}
}

// asked finds the question that a text ends with.
func asked(text string) []Question {
	text = strings.TrimSpace(text)
	if !strings.HasSuffix(text, "?") {
		return nil
	}
	begin := strings.LastIndexAny(text[:len(text)-1], ".!?\n")
	return []Question{{Text: strings.TrimSpace(text[begin+1:])}}
}

// assumedIn lists the arguments for which an explanation names no words.
func assumedIn(v any) []string {
	var e struct {
		Reasons []struct {
			Step     string `json:"step"`
			Argument string `json:"argument"`
			Words    string `json:"words"`
		} `json:"reasons"`
	}
	if reread(v, &e) != nil {
		return nil
	}
	var out []string
	for _, r := range e.Reasons {
		if r.Argument != "" && r.Words == "" {
			out = append(out, r.Step+"."+r.Argument)
		}
	}
	return out
}

// textList reads a list of texts from whatever type a model put there.
func textList(v any) []string {
	var list []string
	if reread(v, &list) != nil {
		return nil
	}
	return list
}

// questionList reads questions: texts, or objects with text and choices.
func questionList(v any) []Question {
	var list []Question
	if reread(v, &list) == nil {
		return list
	}
	for _, text := range textList(v) {
		list = append(list, Question{Text: text})
	}
	return list
}

func reread(v, into any) error {
	if v == nil {
		return errSilent
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// noticed says whether a person was told this before in the turn.
func (s *state) noticed(turn int, notice string) bool {
	for i := len(s.Messages) - 1; i >= 0 && s.Messages[i].Turn == turn; i-- {
		if slices.Contains(s.Messages[i].Notices, notice) {
			return true
		}
	}
	return false
}

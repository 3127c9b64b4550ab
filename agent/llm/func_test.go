package llm_test

import (
	"context"
	"testing"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
)

func TestFuncGetsTheOptionsAddedUp(t *testing.T) {
	t.Parallel()
	said := ""
	var got llms.CallOptions
	m := llm.Func(func(_ context.Context, messages []llms.MessageContent, opts llms.CallOptions) (*llms.ContentResponse, error) {
		got = opts
		said = llmtest.Last(messages)
		return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: "fine"}}}, nil
	})
	answer, err := m.Call(t.Context(), "how are you?", llms.WithMaxTokens(7), llms.WithSeed(3), llms.WithMaxTokens(9))
	if err != nil || answer != "fine" || said != "how are you?" {
		t.Errorf("%q was answered with %q, %v", said, answer, err)
	}
	if got.MaxTokens != 9 || got.Seed != 3 {
		t.Errorf("the options were %+v", got)
	}
}

package llm

import (
	"context"

	"github.com/tmc/langchaingo/llms"
)

// Func is a model that is one function, such as one that wraps another model:
// it gets the options added up, and may hand them on with llms.WithOptions.
type Func func(ctx context.Context, messages []llms.MessageContent, opts llms.CallOptions) (*llms.ContentResponse, error)

var _ llms.Model = Func(nil)

// GenerateContent calls the function.
func (f Func) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	return f(ctx, messages, Options(options))
}

// Call answers one prompt without tools.
func (f Func) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, f, prompt, options...)
}

// Options adds up what a call was told.
func Options(options []llms.CallOption) (sum llms.CallOptions) {
	for _, o := range options {
		o(&sum)
	}
	return sum
}

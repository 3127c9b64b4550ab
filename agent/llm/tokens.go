package llm

import (
	"encoding/json"

	"github.com/tmc/langchaingo/llms"
)

// charsPerToken is the rule of thumb for English and JSON, good to a fifth or
// so for the tokenisers in use. Estimates only ever decide what to shorten, to
// hold back or to wait for; what is paid is what the server counts.
const charsPerToken = 4

// messageTokens is what the frame around a message costs.
const messageTokens = 4

// Tokens estimates how many tokens a text is.
func Tokens(text string) int { return (len(text) + charsPerToken - 1) / charsPerToken }

// MessageTokens estimates how many tokens messages are.
func MessageTokens(messages ...llms.MessageContent) int {
	n := 0
	for _, m := range messages {
		n += messageTokens
		for _, p := range m.Parts {
			switch p := p.(type) {
			case llms.TextContent:
				n += Tokens(p.Text)
			case llms.ToolCall:
				if p.FunctionCall != nil {
					n += messageTokens + Tokens(p.FunctionCall.Name) + Tokens(p.FunctionCall.Arguments)
				}
			case llms.ToolCallResponse:
				n += messageTokens + Tokens(p.Content)
			}
		}
	}
	return n
}

// ToolTokens estimates how many tokens the descriptions of tools are.
func ToolTokens(tools ...llms.Tool) int {
	n := 0
	for _, t := range tools {
		raw, err := json.Marshal(t)
		if err != nil {
			continue // such a tool cannot be sent either
		}
		n += Tokens(string(raw))
	}
	return n
}

// Package llm connects the assistant to language models. Whatever the model
// is, it comes out as langchaingo's llms.Model with its provider's faults
// mended: one tool result a message, every call with an id and with JSON
// arguments, no tool JSON in the text, errors that say what to do, and never
// an API key in an error, a log or a trace.
//
// The built-in planner is a model too; it needs nothing of this but Traced.
package llm

// Package llm connects the assistant to language models. Whatever the model
// is, it comes out as langchaingo's llms.Model with everything a provider gets
// wrong put right: all of an answer in one choice, every call with an id of
// its own, tool JSON never among the text, errors of one type that say what to
// do, and never an API key in an error, a log or a trace.
//
// The rooms below it: wire knows the wire formats; router chooses which model
// answers, with spend and price keeping account; offer chooses the tools that
// a model is told of, compact shortens long conversations; cassette records
// and replays servers; llmtest holds models to all this.
//
// The built-in planner is a model too; it needs nothing of this but Traced.
package llm

// Package memory keeps what a person told the assistant to remember about one
// workspace: preferences ("always use fold 0 as test", "I prefer bfloat16") and
// facts ("cortex is the one with 40 volumes"), in their own words, with the day
// on which they said it. It reads such sentences, and it says which arguments
// of which tools a preference stands for.
//
// Only what a person says in a turn of their own gets in here; text that comes
// from data never does. What is done with a default, and how it is shown in a
// plan, is up to agent/assistant.
package memory

// Package planner is the built-in language model: an llms.Model that needs no
// weights, no network and no account, and gives the same answer to the same
// words every time.
//
// A turn goes through small, explainable stages. The text is tokenised
// (token.go), typos are mended (spelling.go), things are found in it
// (entity*.go), it is cut into clauses (clause.go, condition.go), each clause is
// matched to a tool by weighted cues (cue.go, lexicon_*.go; example.go for tools
// that only their Markdown explains) and by what people are known to say
// (evidence.go, said/), and the tool's arguments are filled slot by slot from its
// JSON Schema (slot*.go, fill*.go). A message that the words as a whole give one
// meaning is read as one wish (whole.go). What an earlier clause or
// turn named is put in where this one leaves it out (context.go, ellipsis.go,
// refer.go, dialogue.go). When results come back (observe.go), follow-up queries
// are asked and the answer is composed from their rows only (answer*.go).
//
// A tool of the catalogue that this version does not have is planned like any
// other, and its step is marked unavailable: it is shown, and never called.
//
// How well all this works is measured: testdata holds what people say with the
// plans that it means, in a part to develop on and a part that is held out, and
// TestScore prints the shares that are planned rightly.
//
// What belongs here is language. How a plan is checked, approved, run and
// resumed is agent/assistant; what a tool does is tools and engine.
package planner

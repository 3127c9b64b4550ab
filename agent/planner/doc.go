// Package planner is the built-in language model: an llms.Model that needs no
// weights, no network and no account, and gives the same answer to the same
// words every time.
//
// A turn goes through small, explainable stages. The text is tokenised
// (token.go), typos are mended (spelling.go), things are found in it
// (entity*.go), it is cut into clauses (clause.go), each clause is matched to a
// tool by weighted cues (cue.go, lexicon_*.go), and the tool's arguments are
// filled slot by slot from its JSON Schema (slot*.go). When results come back
// (observe.go), follow-up queries are asked and the answer is composed from
// their rows only (answer*.go).
//
// What belongs here is language. How a plan is checked, approved, run and
// resumed is agent/assistant; what a tool does is tools and engine.
package planner

// Package evals scores an agent the way a person would meet it: a suite is a
// YAML file of cases, a case says something to a target and states what must
// come of it (tools, their order and arguments, questions, refusals, the state
// of the world afterwards). Scorers are deterministic; there is no judge.
//
// The package knows nothing of the engine and of any model: it drives a Target,
// which the command line wires to the assistant on a temporary workspace.
package evals

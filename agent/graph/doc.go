// Package graph is a state machine for agents: typed state with a reducer per
// field, nodes, edges with declared targets, and a record of every step from
// which a killed process goes on where it was.
//
// A run proceeds in steps. In each step all active tasks run (at once, if
// there are several), their writes are merged in a fixed order, and edges,
// or targets and tasks that a node's result names, say what is active next.
// A compiled graph can be a node of another. What happened is appended to a
// Checkpointer as deltas, so a thread's storage grows with what was said and
// done, not with the square of it, and reading the records gives the same
// state bit for bit: at every point, which can be inspected, forked and
// replayed, inside of subgraphs, too.
//
// A node may ask with an Interrupt, a value that survives the process; an
// Answer to it is consumed once. Within a long node, Notes remember the parts
// that are done. What exactly once means: a task whose end is recorded is
// never run again; one that was cut off runs again with the same Key and finds
// its notes; one that is declared to write begins and ends with everything
// recorded and is never run again by a policy or a replay.
//
// The package knows nothing of language models, tools or terminals and uses
// the standard library only.
package graph

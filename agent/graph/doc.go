// Package graph is a small state machine for agents: typed state with a
// reducer per field, nodes, conditional edges with declared targets, and a
// record of every step from which a killed process goes on where it was.
//
// A run proceeds in steps. In each step all active nodes run (at once, if
// there are several), their writes are merged in a fixed order, and the edges
// say which nodes are active next. What happened is appended to a Checkpointer
// as deltas, so a thread's storage grows with what was said and done, not with
// the square of it, and replaying the records gives the same state bit for bit.
//
// A node may pause with an Interrupt, a value that survives the process; an
// Answer to it is consumed once. Within a long node, Notes remember the parts
// that are done.
//
// The package knows nothing of language models, tools or terminals and uses
// the standard library only.
package graph

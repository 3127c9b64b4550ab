// Package thread keeps conversations: one journal a thread in the workspace's
// threads folder. A line is either about the thread itself (its title) or one
// record of the graph that runs it: what was said, what a step wrote, which
// question is pending, who approved what. So a thread is at once the memory of
// the conversation, the checkpoint from which a killed process goes on, and
// the evidence of who decided.
//
// Lists and searches go through an index beside the journals, which keeps what
// was read of each for as long as its file stays as it was. It is a cache: it
// may be deleted at any time, and a damaged one is made anew.
//
// One process writes a thread at a time; any number may read. What the
// records mean is up to agent/assistant.
package thread

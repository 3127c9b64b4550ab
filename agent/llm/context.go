package llm

import "context"

type threadKey struct{}

type restartKey struct{}

// WithThread says which conversation the model calls made with ctx belong to,
// for budgets.
func WithThread(ctx context.Context, thread string) context.Context {
	return context.WithValue(ctx, threadKey{}, thread)
}

// Thread is what WithThread said, or "".
func Thread(ctx context.Context) string {
	thread, _ := ctx.Value(threadKey{}).(string)
	return thread
}

// WithRestart says how to take back what a streaming function was given. With
// it, an answer that breaks off after a part of it was shown can begin anew,
// from the same model or another; without it, that is an error of
// KindInterrupted. The reason is for the person who saw the beginning.
func WithRestart(ctx context.Context, restart func(reason string)) context.Context {
	return context.WithValue(ctx, restartKey{}, restart)
}

// Restart takes back what was shown, and tells whether that could be done.
func Restart(ctx context.Context, reason string) bool {
	restart, ok := ctx.Value(restartKey{}).(func(string))
	if ok {
		restart(reason)
	}
	return ok
}

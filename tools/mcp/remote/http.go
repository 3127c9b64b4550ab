package remote

import "net/http"

// newHTTP makes the client that speaks with a server over HTTP. It sends the
// token to the configured address and to no other: it follows no redirection.
func newHTTP(s Server, getenv func(string) string) *http.Client {
	b := &bearer{next: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}}
	if s.TokenEnv != "" {
		b.secret = getenv(s.TokenEnv)
	}
	return &http.Client{
		Transport:     b,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bearer adds a token to requests and bounds what comes back.
type bearer struct {
	secret string
	next   *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.secret != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.secret)
	}
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = http.MaxBytesReader(nil, res.Body, maxMessage)
	return res, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (b *bearer) CloseIdleConnections() { b.next.CloseIdleConnections() }

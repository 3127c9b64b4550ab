package mcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// Path is where the server answers over HTTP.
	Path = "/mcp"
	// sessionIdle is how long a session without requests is kept.
	sessionIdle = time.Hour
	// goodbye is how long open answers may take when the server ends.
	goodbye = 2 * time.Second
)

// ErrAddress says that an address cannot be listened on.
var ErrAddress = errors.New("address for MCP")

// Listen opens an address. Without a host it is this machine's own; others can
// reach it only where exposed says that this is meant, because neither the
// token nor the data are encrypted on their way.
func Listen(ctx context.Context, address string, exposed bool) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w %q: want HOST:PORT or :PORT", ErrAddress, address)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if !isLoopback(host) && !exposed {
		return nil, fmt.Errorf("%w %q: other machines could reach it, and nothing is encrypted; listen on 127.0.0.1 and forward the port (ssh -L), or say --expose", ErrAddress, address)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrAddress, address, err)
	}
	return l, nil
}

// ServeListener speaks streamable HTTP with any number of clients that have the
// token, until ctx ends, and with it the server.
func (s *Server) ServeListener(ctx context.Context, l net.Listener, token Token) error {
	server := &http.Server{
		Handler:           s.Handler(l.Addr(), token),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.end() // before anything waits for calls
		for session := range s.sdk.Sessions() {
			_ = session.Close()
		}
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		err := server.Shutdown(late)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		ended <- err
	})
	err := server.Serve(l)
	if stop() {
		return fmt.Errorf("serving MCP over HTTP: %w", err)
	}
	return <-ended
}

// Handler answers at Path. It takes requests for addresses that the server
// itself goes by, so that a name that was made to point here (DNS rebinding)
// is refused; requests of pages from nowhere else; and only with the token.
func (s *Server) Handler(at net.Addr, token Token) http.Handler {
	inner := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s.sdk }, &sdk.StreamableHTTPOptions{
		Logger: s.Logger, SessionTimeout: sessionIdle, MaxRequestBodyBytes: maxLine,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		switch {
		case !ownHost(r.Host, at):
			http.Error(w, "this server does not go by that name", http.StatusForbidden)
		case !sameOrigin(r):
			http.Error(w, "pages of other sites may not speak with this server", http.StatusForbidden)
		case !strings.EqualFold(scheme, "Bearer") || !token.fits(strings.TrimSpace(secret)):
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the token is missing or wrong: send Authorization: Bearer TOKEN", http.StatusUnauthorized)
		case r.URL.Path != Path:
			http.NotFound(w, r)
		default:
			inner.ServeHTTP(w, r)
		}
	})
}

// ownHost tells whether a Host header names where the server listens. One that
// listens on this machine alone goes by loopback names; on an address, by that;
// on all of them, by any address, but by no name.
func ownHost(header string, at net.Addr) bool {
	host, port := header, ""
	if h, p, err := net.SplitHostPort(header); err == nil {
		host, port = h, p
	}
	host = strings.Trim(host, "[]")
	listening, own, err := net.SplitHostPort(at.String())
	if err != nil || (port != "" && port != own) {
		return false
	}
	ip := net.ParseIP(listening)
	switch {
	case isLoopback(host):
		return ip.IsLoopback() || ip.IsUnspecified()
	case ip.IsUnspecified():
		return net.ParseIP(host) != nil
	}
	return net.ParseIP(host).Equal(ip)
}

// sameOrigin tells whether a request comes from no page at all, or from one of
// this very server.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && u.Scheme == "http" && strings.EqualFold(u.Host, r.Host)
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

package mcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools/mcp"
)

const secret = "a-token-of-sixteen-or-more"

// web is a fixture that listens.
type web struct {
	*fixture

	url  string
	stop func() error // ends the server and gives what it returned
}

func newWeb(t *testing.T, change ...func(*mcp.Options)) *web {
	t.Helper()
	token, err := mcp.NewToken(secret)
	if err != nil {
		t.Fatal(err)
	}
	l, err := mcp.Listen(t.Context(), ":0", false)
	if err != nil {
		t.Fatal(err)
	}
	w := &web{fixture: newFixture(t, change...), url: "http://" + l.Addr().String() + mcp.Path}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- w.server.ServeListener(ctx, l, token) }()
	w.stop = sync.OnceValue(func() error { cancel(); return <-served })
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// header adds what a client has to send.
type header struct{ token string }

func (h header) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+h.token)
	return http.DefaultTransport.RoundTrip(r)
}

func (w *web) dial(t *testing.T, o *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	s, err := sdk.NewClient(&sdk.Implementation{Name: "web", Version: "1"}, o).Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: w.url, HTTPClient: &http.Client{Transport: header{secret}}, MaxRetries: -1,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); http.DefaultClient.CloseIdleConnections() })
	return s
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	steps := make(chan float64, 16)
	asking := w.dial(t, &sdk.ClientOptions{
		ElicitationHandler: accept,
		ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
			steps <- r.Params.Progress
		},
	})
	mute := w.dial(t, nil)
	var both sync.WaitGroup
	both.Go(func() {
		res, err := asking.CallTool(t.Context(), &sdk.CallToolParams{Name: "paint", Meta: sdk.Meta{"progressToken": 7}})
		if err != nil || res.IsError {
			t.Errorf("a client that asks: %v %v", err, res)
		}
	})
	both.Go(func() {
		if res := call(t, mute, "paint", nil); !res.IsError {
			t.Error("a client that cannot ask was let through")
		}
		if res := call(t, mute, "look", nil); res.IsError {
			t.Error(textOf(t, res))
		}
	})
	both.Wait()
	for want := range 8 {
		if got := <-steps; got != float64(want+1) {
			t.Errorf("step %d: %v", want+1, got)
		}
	}
	if n := w.painted.Load(); n != 2 {
		t.Errorf("painted %d times", n)
	}
}

func TestHTTPCancellation(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	s := w.dial(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := s.CallTool(ctx, &sdk.CallToolParams{Name: "wait"})
		failed <- err
	}()
	<-w.began
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-w.ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestHTTPEnds ends a server with a session open and a tool at work.
func TestHTTPEnds(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	s := w.dial(t, nil)
	failed := make(chan error, 1)
	go func() {
		_, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "wait"})
		failed <- err
	}()
	<-w.began
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	_, _ = <-w.ended, <-failed // with whatever: they must not hang
}

func TestWhoMaySpeakOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	_, port, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(w.url, "http://"), mcp.Path))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change map[string]string
		path   string
		want   int
	}{
		"right":                   {nil, "", http.StatusOK},
		"by name":                 {map[string]string{"Host": "localhost:" + port}, "", http.StatusOK},
		"by IPv6":                 {map[string]string{"Host": "[::1]:" + port}, "", http.StatusOK},
		"its own page":            {map[string]string{"Origin": "http://127.0.0.1:" + port, "Sec-Fetch-Site": "same-origin"}, "", http.StatusOK},
		"small bearer":            {map[string]string{"Authorization": "bearer " + secret}, "", http.StatusOK},
		"no token":                {map[string]string{"Authorization": ""}, "", http.StatusUnauthorized},
		"wrong token":             {map[string]string{"Authorization": "Bearer " + secret + "x"}, "", http.StatusUnauthorized},
		"half a token":            {map[string]string{"Authorization": "Bearer " + secret[:10]}, "", http.StatusUnauthorized},
		"empty token":             {map[string]string{"Authorization": "Bearer "}, "", http.StatusUnauthorized},
		"another scheme":          {map[string]string{"Authorization": "Basic " + secret}, "", http.StatusUnauthorized},
		"rebound name":            {map[string]string{"Host": "evil.example:" + port}, "", http.StatusForbidden},
		"rebound without port":    {map[string]string{"Host": "evil.example"}, "", http.StatusForbidden},
		"another port":            {map[string]string{"Host": "127.0.0.1:1"}, "", http.StatusForbidden},
		"another address":         {map[string]string{"Host": "10.0.0.1:" + port}, "", http.StatusForbidden},
		"localhost as a prefix":   {map[string]string{"Host": "localhost.evil.example:" + port}, "", http.StatusForbidden},
		"another site":            {map[string]string{"Origin": "https://evil.example"}, "", http.StatusForbidden},
		"another port's page":     {map[string]string{"Origin": "http://127.0.0.1:1"}, "", http.StatusForbidden},
		"a page of nowhere":       {map[string]string{"Origin": "null"}, "", http.StatusForbidden},
		"a page without Origin":   {map[string]string{"Sec-Fetch-Site": "cross-site"}, "", http.StatusForbidden},
		"another path":            {nil, "/", http.StatusNotFound},
		"another path, no token":  {map[string]string{"Authorization": ""}, "/", http.StatusUnauthorized},
		"not what MCP sends":      {map[string]string{"Content-Type": "text/plain"}, "", http.StatusUnsupportedMediaType},
		"a session that is not":   {map[string]string{"Mcp-Session-Id": "made-up"}, "", http.StatusNotFound},
		"a version that is not":   {map[string]string{"Mcp-Protocol-Version": "1999-01-01"}, "", http.StatusBadRequest},
		"more than a call can be": {map[string]string{"X-Long": "1"}, "", http.StatusRequestEntityTooLarge},
	} {
		body := hello[:strings.IndexByte(hello, '\n')]
		if tc.change["X-Long"] != "" {
			body = `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", 9<<20) + `"}`
		}
		url := w.url
		if tc.path != "" {
			url = strings.TrimSuffix(w.url, mcp.Path) + tc.path
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range map[string]string{
			"Authorization": "Bearer " + secret, "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		} {
			r.Header.Set(key, value)
		}
		for key, value := range tc.change {
			r.Header.Set(key, value)
			if key == "Host" {
				r.Host = value
			}
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		said, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d: %s", name, res.StatusCode, tc.want, said)
		}
		if res.StatusCode == http.StatusUnauthorized && res.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: it does not say what it wants", name)
		}
		if strings.Contains(string(said), secret) {
			t.Errorf("%s: the answer holds the token", name)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestMalformedHTTPBody(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	for _, body := range []string{`{`, `[]`, `{"jsonrpc":"2.0"}`, `nonsense`, ``} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %d", body, res.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if res := call(t, w.dial(t, nil), "look", nil); res.IsError {
		t.Error(textOf(t, res))
	}
}

func TestListenKeepsToThisMachine(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", "[::]:0", "example.org:80", "8765", "", "127.0.0.1", "127.0.0.1:nine"} {
		if l, err := mcp.Listen(t.Context(), address, false); !errors.Is(err, mcp.ErrAddress) {
			t.Errorf("%q: %v", address, err)
			if err == nil {
				_ = l.Close()
			}
		}
	}
	l, err := mcp.Listen(t.Context(), "0.0.0.0:0", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestExposedServersGoByAddressesOnly keeps a server on all addresses from
// taking requests for names.
func TestExposedServersGoByAddressesOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, err := mcp.NewToken(secret)
	if err != nil {
		t.Fatal(err)
	}
	for at, hosts := range map[string]map[string]bool{
		"0.0.0.0:80":  {"10.1.2.3:80": true, "10.1.2.3": true, "localhost:80": true, "evil.example:80": false, "10.1.2.3:81": false},
		"10.1.2.3:80": {"10.1.2.3:80": true, "10.1.2.4:80": false, "localhost:80": false, "evil.example": false},
	} {
		addr, err := net.ResolveTCPAddr("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		for host, want := range hosts {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host+mcp.Path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			w := &status{}
			f.server.Handler(addr, token).ServeHTTP(w, r)
			if got := w.code != http.StatusForbidden; got != want {
				t.Errorf("at %s, for %s: %d", at, host, w.code)
			}
		}
	}
}

type status struct{ code int }

func (*status) Header() http.Header         { return http.Header{} }
func (*status) Write(b []byte) (int, error) { return len(b), nil }
func (s *status) WriteHeader(code int)      { s.code = code }

func TestTokens(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "short", strings.Repeat("x", 15), "with spaces in it is no token", "sixteen-or-more-\x00", "sechzehn-oder-mehr-ü"} {
		if _, err := mcp.NewToken(bad); !errors.Is(err, mcp.ErrToken) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	path := filepath.Join(t.TempDir(), "token")
	first, err := mcp.TokenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if again, err := mcp.TokenFile(path); err != nil || again != first {
		t.Errorf("the token did not last: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := mcp.TokenFile(path); !errors.Is(err, mcp.ErrToken) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a token that others can read was taken: %v", err)
	}
	if err := os.WriteFile(path, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := mcp.TokenFile(path); !errors.Is(err, mcp.ErrToken) {
		t.Errorf("a short token was taken: %v", err)
	}
	if _, err := mcp.TokenFile(t.TempDir()); !errors.Is(err, mcp.ErrToken) {
		t.Errorf("a folder was taken: %v", err)
	}
}

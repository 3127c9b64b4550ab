package cli_test

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// minivess is the program as a child process in a folder of its own: the test
// binary, which becomes what it is called.
func minivess(t *testing.T, args ...string) (cmd *exec.Cmd, home string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home = t.TempDir()
	cmd = exec.CommandContext(context.WithoutCancel(t.Context()), self)
	cmd.Args = append([]string{"minivess"}, args...)
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, "USER=tester", "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}
	return cmd, home
}

// tryMCP uses a session the way a client does that asks its person.
func tryMCP(t *testing.T, home string, transport sdk.Transport) {
	t.Helper()
	steps := make(chan float64, 64)
	client := sdk.NewClient(&sdk.Implementation{Name: "go-client", Version: "1"}, &sdk.ClientOptions{
		ElicitationHandler: func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			if !strings.Contains(r.Params.Message, "make toy: 2 volumes") {
				t.Errorf("asked %q", r.Params.Message)
			}
			return &sdk.ElicitResult{Action: "accept"}, nil
		},
		ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) { steps <- r.Params.Progress },
	})
	s, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.CallTool(t.Context(), &sdk.CallToolParams{
		Name: "dataset_create_synthetic", Arguments: map[string]any{"name": "toy", "volumes": 2, "shape": []int{16, 16, 8}},
		Meta: sdk.Meta{"progressToken": "p"},
	})
	if err != nil || res.IsError {
		t.Fatalf("%v %+v", err, res)
	}
	if _, err := os.Stat(filepath.Join(home, ".minivess", "datasets", "toy")); err != nil {
		t.Error(err)
	}
	if first := <-steps; first != 1 {
		t.Errorf("the first step is %v", first)
	}
	data, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "minivess://datasets/toy"})
	if err != nil || !strings.Contains(data.Contents[0].Text, `"members"`) {
		t.Errorf("%v %+v", err, data)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestMCPOverStdio(t *testing.T) {
	t.Parallel()
	cmd, home := minivess(t, "mcp")
	tryMCP(t, home, &sdk.CommandTransport{Command: cmd})
	if !cmd.ProcessState.Success() {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}

func TestMCPOverHTTP(t *testing.T) {
	t.Parallel()
	cmd, home := minivess(t, "mcp", "--http", ":0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(stderr)
	said.Scan()
	found := regexp.MustCompile(`http://127\.0\.0\.1:\d+/mcp`).FindString(said.Text())
	token, err := os.ReadFile(filepath.Join(home, ".minivess", "mcp-token"))
	if err != nil || found == "" {
		t.Fatalf("%v %q", err, said.Text())
	}
	tryMCP(t, home, &sdk.StreamableClientTransport{Endpoint: found, HTTPClient: &http.Client{Transport: withToken(strings.TrimSpace(string(token)))}})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// withToken sends a bearer token.
type withToken string

func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(w))
	return http.DefaultTransport.RoundTrip(r)
}

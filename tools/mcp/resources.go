package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

const (
	scheme       = "minivess://"
	typeJSON     = "application/json"
	typeMarkdown = "text/markdown"
	// notice heads every resource: what follows was written by people, files
	// and other programs.
	notice = tools.DataNotice
	// metaData marks contents as data for programs.
	metaData = "minivess/data"
	// maxListed is how many runs and datasets are listed by name; the
	// templates reach all of them.
	maxListed = 100
)

// view is one kind of resource: what stands behind its address. Key is the part
// of the address that is in braces; views without it ignore it.
type view struct {
	template    string
	name, title string
	description string
	mime        string
	read        func(ctx context.Context, key string) ([]byte, error)
}

func (s *Server) views() []view {
	return []view{
		{"runs", "runs", "Runs", "The runs of this workspace, newest first.", typeJSON, func(ctx context.Context, _ string) ([]byte, error) {
			return s.value(ctx, "runs_list", map[string]any{"limit": 200})
		}},
		{"datasets", "datasets", "Datasets", "The catalogue of datasets.", typeJSON, func(ctx context.Context, _ string) ([]byte, error) {
			return s.value(ctx, "dataset_list", nil)
		}},
		{"runs/{id}", "run", "A run", "Everything about a run: state, settings, scores, checkpoints. The id may be a prefix, a name, latest or best:dice.", typeJSON, s.run},
		{"runs/{id}/report", "report", "A run's report", "The same for a reader.", typeMarkdown, s.report},
		{"runs/{id}/configuration", "configuration", "A run's configuration", "Every setting of a run with where it came from.", typeJSON, s.configuration},
		{"runs/{id}/journal", "journal", "A run's journal, summarised", "What a run's worker reported, by kind, with its warnings.", typeJSON, s.journal},
		{"datasets/{name}", "dataset", "A dataset", "Volumes and folds of a dataset.", typeJSON, func(ctx context.Context, name string) ([]byte, error) {
			return s.value(ctx, "dataset_show", map[string]any{"dataset": name})
		}},
	}
}

// addResources registers the views, and keeps the list of runs and datasets
// with their names up to date whenever it is asked for.
func (s *Server) addResources() {
	for _, v := range s.views() {
		uri := scheme + v.template
		if !strings.Contains(v.template, "{") {
			s.sdk.AddResource(&sdk.Resource{URI: uri, Name: v.name, Title: v.title, Description: v.description, MIMEType: v.mime}, s.reader(v))
			continue
		}
		s.sdk.AddResourceTemplate(&sdk.ResourceTemplate{URITemplate: uri, Name: v.name, Title: v.title, Description: v.description, MIMEType: v.mime}, s.reader(v))
	}
	s.sdk.AddReceivingMiddleware(func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			if method == "resources/list" {
				s.relist(ctx)
			}
			return next(ctx, method, req)
		}
	})
}

// reader serves one view.
func (s *Server) reader(v view) sdk.ResourceHandler {
	return func(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		key, err := keyOf(v.template, req.Params.URI)
		if err != nil {
			return nil, sdk.ResourceNotFoundError(req.Params.URI)
		}
		body, err := v.read(ctx, key)
		if e := tools.AsError(err); e != nil {
			if e.Code == tools.CodeNotFound {
				return nil, sdk.ResourceNotFoundError(req.Params.URI)
			}
			return nil, fmt.Errorf("%s: %s", e.Code, tools.PlainLines(e.Error()))
		}
		text := notice + "\n\n" + tools.PlainLines(string(body))
		if v.mime == typeJSON {
			marked, err := json.MarshalIndent(map[string]any{"notice": notice, "data": tools.PlainJSON(body)}, "", "  ")
			if err != nil {
				return nil, fmt.Errorf("writing %s: %w", req.Params.URI, err)
			}
			text = string(marked)
		}
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{
			URI: req.Params.URI, MIMEType: v.mime, Text: text, Meta: sdk.Meta{metaData: true},
		}}}, nil
	}
}

// keyOf takes the part in braces out of an address.
func keyOf(template, uri string) (string, error) {
	before, after, found := strings.Cut(scheme+template, "{")
	if !found {
		return "", nil
	}
	_, after, _ = strings.Cut(after, "}")
	key, ok := strings.CutPrefix(uri, before)
	if ok {
		key, ok = strings.CutSuffix(key, after)
	}
	if !ok || key == "" {
		return "", fmt.Errorf("%q is no %s", uri, template)
	}
	return url.PathUnescape(key)
}

// value asks a reading tool.
func (s *Server) value(ctx context.Context, tool string, args map[string]any) ([]byte, error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("encoding the arguments of %s: %w", tool, err)
	}
	if d, ok := s.Registry.Lookup(tool); ok && d.Effect != tools.Read {
		return nil, tools.Errorf(tools.CodeRefused, "%s does more than read", tool)
	}
	res, err := s.Registry.Invoke(ctx, tools.Call{Tool: tool, Args: raw}, nil)
	return res.Value, err
}

func (s *Server) run(ctx context.Context, id string) ([]byte, error) {
	return s.value(ctx, "run_show", map[string]any{"run": id})
}

// relist brings the named runs and datasets up to date.
func (s *Server) relist(ctx context.Context) {
	s.listing.Lock()
	defer s.listing.Unlock()
	now := map[string]string{}
	for _, n := range s.names(ctx) {
		uri := scheme + n.kind + "/" + url.PathEscape(n.name)
		now[uri] = n.about
		if was, there := s.listed[uri]; there && was == n.about {
			continue
		}
		v := s.viewOf(n.kind)
		s.sdk.AddResource(&sdk.Resource{URI: uri, Name: n.name, Description: n.about, MIMEType: v.mime}, s.reader(v))
	}
	var gone []string
	for uri := range s.listed {
		if _, there := now[uri]; !there {
			gone = append(gone, uri)
		}
	}
	s.sdk.RemoveResources(gone...)
	s.listed = now
}

func (s *Server) viewOf(kind string) view {
	for _, v := range s.views() {
		if strings.HasPrefix(v.template, kind+"/{") {
			return v
		}
	}
	return view{}
}

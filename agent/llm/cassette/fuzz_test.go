package cassette

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzDecode: what is read and written again is read alike.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("{\"cassette\":1,\"match\":\"body\"}\n{\"request\":{\"method\":\"POST\",\"path\":\"/x\",\"json\":{\"b\":1,\"a\":[1.10]}},\"response\":{\"status\":200,\"text\":[\"data: x\",\"\"]}}\n"))
	f.Add([]byte("{\"cassette\":1,\"match\":\"turn\"}\n"))
	f.Add([]byte("{\"cassette\":1,\"match\":\"turn\"}\nnull\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		head, tape, err := decode(raw)
		if err != nil {
			return
		}
		once, err := encode(head, tape)
		if err != nil {
			t.Fatal(err)
		}
		head, tape, err = decode(once)
		if err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		twice, err := encode(head, tape)
		if err != nil || string(once) != string(twice) {
			t.Errorf("%v\n%s\n%s", err, once, twice)
		}
		for _, x := range tape {
			_ = head.Match.differences(x.Request, request{Method: "GET", Path: "/"})
		}
	})
}

// FuzzScrub: a known secret is nowhere in what is kept, and a body is kept the
// same way twice.
func FuzzScrub(f *testing.F) {
	const secret = "hunter2-hunter2"
	f.Add(`{"a":"` + secret + `","b":["` + secret + `"]}`)
	f.Add("data: {\"x\":\"" + secret + "\"}\n\ndata: half " + secret)
	f.Add(`{"` + secret + `":1}`)
	f.Fuzz(func(t *testing.T, body string) {
		s := newScrubber()
		s.add(secret)
		r := s.request(&http.Request{Method: "POST", URL: &url.URL{Path: "/" + body}}, []byte(body))
		if all := string(r.JSON) + strings.Join(r.Text, "\n") + r.Path; strings.Contains(all, secret) {
			t.Errorf("kept %q", all)
		}
		again := s.request(&http.Request{Method: "POST", URL: &url.URL{Path: "/" + body}}, []byte(body))
		if !MatchBody.same(r, again) {
			t.Error("the same request does not match itself")
		}
	})
}

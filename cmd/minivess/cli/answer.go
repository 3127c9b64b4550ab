package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/agent/assistant"
)

// printAnswer writes the words, what there is to choose from, and the queries
// behind the numbers, numbered as the words refer to them.
func (env *environment) printAnswer(a *assistant.Answer, plans []assistant.Plan) error {
	var b strings.Builder
	b.WriteString(printable(a.Text) + "\n")
	writeQuestions(&b, a.Text, a.Questions)
	for i, q := range queries(plans) {
		if q != "" {
			writeQuery(&b, fmt.Sprintf("Query %d: ", i+1), q)
		}
	}
	for _, s := range slices.Backward(a.Sources) {
		switch {
		case s.Query == "" || slices.Contains(queries(plans), s.Query):
		case s.Tool == "runs_sql":
			writeQuery(&b, "Earlier query: ", s.Query)
		default:
			writeQuery(&b, "Query of "+s.Tool+": ", s.Query)
		}
	}
	_, err := fmt.Fprint(env.Streams.Out, b.String())
	return err
}

// writeQuestions adds the questions that the words before do not ask already.
func writeQuestions(b *strings.Builder, said string, questions []assistant.Question) {
	for _, q := range questions {
		if strings.Contains(said, strings.TrimRight(q.Text, "?. ")) {
			continue
		}
		b.WriteString(printable(q.Text) + "\n")
		for _, choice := range q.Choices {
			b.WriteString("  " + printable(choice) + "\n")
		}
	}
}

// writeQuery adds one statement, in lines that can be read and copied.
func writeQuery(b *strings.Builder, label, query string) {
	b.WriteString("\n" + fill(label, sqlWords(printable(query)), 2) + "\n")
}

// queries lists the SQL statements of a turn in the order in which the planner
// counts them; one that failed is counted and empty.
func queries(plans []assistant.Plan) []string {
	var all []string
	for _, p := range plans {
		for _, s := range p.Steps {
			switch {
			case s.Tool != "runs_sql":
			case s.Result != nil:
				all = append(all, s.Result.Query)
			default:
				all = append(all, "")
			}
		}
	}
	return all
}

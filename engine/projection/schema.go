package projection

import "strings"

// version changes whenever the tables or the meaning of the saved state do;
// a snapshot of another version is not used.
const version = 2

// Column is one column of a table, for prompts and hints.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Doc  string `json:"doc,omitempty"`
}

// TableInfo describes one table that can be queried.
type TableInfo struct {
	Name    string   `json:"name"`
	Doc     string   `json:"doc"`
	Columns []Column `json:"columns"`
}

// tableSpec adds to a TableInfo how its rows are kept: owner is the column
// that names the run whose journal a row comes from.
type tableSpec struct {
	TableInfo
	owner string
}

// Tables describes what can be queried, in the order in which to show it.
func Tables() []TableInfo {
	var out []TableInfo
	for _, t := range tables() {
		out = append(out, t.TableInfo)
	}
	return out
}

const (
	text    = "VARCHAR"
	integer = "BIGINT"
	double  = "DOUBLE"
	stamp   = "TIMESTAMP"
)

func tables() []tableSpec {
	return []tableSpec{
		{owner: "run_id", TableInfo: TableInfo{"runs", "one row a run; times are UTC", []Column{
			{"run_id", text, ""},
			{"name", text, ""},
			{"kind", text, "train or evaluate"},
			{"model", text, ""},
			{"dataset", text, ""},
			{"fold", integer, ""},
			{"seed", integer, ""},
			{"state", text, "queued, running, finished, failed or cancelled"},
			{"created", stamp, ""},
			{"started", stamp, ""},
			{"ended", stamp, ""},
			{"seconds", double, "time at work, all attempts together"},
			{"step", integer, ""},
			{"epoch", integer, ""},
			{"attempts", integer, "how often it was started"},
			{"parent", text, "the run that an evaluation judges"},
			{"split", text, "the split that an evaluation judges on"},
			{"reason", text, "why it finished or stopped"},
			{"error_code", text, ""},
			{"error", text, ""},
			{"resumable", "BOOLEAN", ""},
			{"device", text, ""},
			{"host", text, ""},
		}}},
		{owner: "run_id", TableInfo: TableInfo{"params", "the resolved configuration of each run, one row a key", []Column{
			{"run_id", text, ""},
			{"key", text, "dotted, as in train.learning_rate"},
			{"value", text, "as JSON, strings bare"},
			{"source", text, "where the value came from"},
		}}},
		{owner: "job_id", TableInfo: TableInfo{"metrics", "one row a measured value", []Column{
			{"run_id", text, "the run that the value is about"},
			{"job_id", text, "the run that measured it: itself, or an evaluation"},
			{"name", text, "loss, dice, cldice, hd95, nsd, …"},
			{"split", text, "train, val or test"},
			{"step", integer, ""},
			{"epoch", integer, ""},
			{"value", double, ""},
			{"time", stamp, ""},
		}}},
		{owner: "job_id", TableInfo: TableInfo{"case_metrics", "one row a volume and metric of an evaluation; of several labels one more each", []Column{
			{"run_id", text, "the run that was judged"},
			{"job_id", text, "the evaluation"},
			{"volume", text, ""},
			{"split", text, ""},
			{"name", text, "dice, hd95, …: one row a volume; dice_2 for label 2 where there are several"},
			{"value", double, "NULL when it was left out"},
			{"excluded", text, "why it was left out: by the empty-mask policy, or since the volume could not be judged"},
			{"by_policy", text, "why the empty-mask policy set the value; NULL when it was measured"},
			{"label", integer, "the label that is scored; NULL for the mean over several, and for the volume as a whole"},
			{"metric", text, "the name without its label"},
			{"definition", text, "whose formula the value follows, with its parameters"},
		}}},
		{owner: "run_id", TableInfo: TableInfo{"artifacts", "one row a file that a run wrote, checkpoints included", []Column{
			{"run_id", text, ""},
			{"path", text, "relative to the run folder"},
			{"role", text, "best, last, …"},
			{"sha256", text, ""},
			{"bytes", integer, ""},
			{"step", integer, "of a checkpoint"},
		}}},
		{owner: "", TableInfo: TableInfo{"datasets", "one row a dataset of the catalogue", []Column{
			{"name", text, ""},
			{"digest", text, "SHA-256 over its members' digests"},
			{"layout", text, ""},
			{"root", text, ""},
			{"volumes", integer, ""},
			{"folds", integer, ""},
			{"test_volumes", integer, ""},
			{"foreground", double, "mean fraction of labelled voxels"},
			{"created", stamp, ""},
		}}},
		{owner: "run_id", TableInfo: TableInfo{"tags", "labels that people put on runs", []Column{
			{"run_id", text, ""}, {"key", text, ""}, {"value", text, ""},
		}}},
	}
}

// appendOnly reports whether a table's rows are added to as a journal grows,
// rather than made anew when its run changes.
func (t tableSpec) appendOnly() bool { return t.owner == "job_id" }

// createTables gives the statements that make the empty tables in schema mem,
// where this process keeps what the snapshot does not have.
func createTables() []string {
	out := []string{
		"CREATE SCHEMA mem", "CREATE TABLE mem.dirty (run_id VARCHAR)",
		"CREATE TABLE mem.again (name VARCHAR, split VARCHAR, volume VARCHAR, step BIGINT)",
	}
	for _, t := range tables() {
		cols := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			cols[i] = `"` + c.Name + `" ` + c.Type
		}
		out = append(out, "CREATE TABLE mem."+t.Name+" ("+strings.Join(cols, ", ")+")")
	}
	return out
}

// createViews gives the statements that make the tables that people query:
// the snapshot's rows of runs that have not changed since, and our own.
func createViews(snapshot bool) []string {
	var out []string
	for _, t := range tables() {
		q := "CREATE VIEW " + t.Name + " AS SELECT * FROM mem." + t.Name
		if snapshot && t.owner != "" {
			q += " UNION ALL SELECT * FROM snap.main." + t.Name + " WHERE " + t.owner + " NOT IN (SELECT run_id FROM mem.dirty)"
		}
		out = append(out, q)
	}
	return out
}

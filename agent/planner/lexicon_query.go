package planner

// queryFrames recognise the tools of the query family.
func queryFrames() []frame {
	return []frame{
		{"runs_list", []cue{
			{6, "list|show|see|display|print|give|view|get|find * =runs|experiments|trainings|evaluations|{runs}|models"},
			{6, "what|which|any * =runs|experiments|trainings|{runs} * have|there|did|do|exist|finish|fail|crash|run|cancel|succeed|done|{state}|tagged|{tag}|on|so"},
			{5, "^ =my|all =runs|{runs}|experiments"},
			{5, "^ =runs|{runs}"},
			{5, "history of =runs|experiments"},
			{3, "=runs|{runs}"},
			{5, "what|which * i|we * train|=trained|run|=ran"},
			{5, "which|what =runs|trainings|experiments {state}"},
			{2, "sort|order|rank"},
			{11, "list|show|see|display|print|give * =runs|{runs}|=experiments * by|sorted|ordered|ranked * {metric}"},
			{8, "what|which|everything|anything|all * {since}"},
			{7, "what|which * launched|started|submitted|trained|happened * {since}"},
			{7, "show|list|give|find|see|everything|anything|all * everything|anything|all|what * fail|crash|finish|cancel"},
			{7, "^ everything|anything|all * fail|crash|finish|cancel|run|train|launch"},
			{13, "=runs|{runs}|=experiments * {metric} first"},
			{13, "{metric} first"},
			{13, "what|which =models|networks|nets|architectures have|did i|we * =trained|=train|=ran|=run"},
		}},
		{"run_show", []cue{
			{5, "show|describe|detail|inspect|open|tell|info|about|summarise|summarize|display|look|see|view|give * {run}|{ref}"},
			{8, "config|configuration|setting|hyperparameter|parameter|detail|option * {run}|{ref}"},
			{7, "{run}|{ref} * config|configuration|setting|hyperparameter|parameter|detail"},
			{8, "what|which * learning_rate|batch_size|loss|seed|optimizer|patch_size|fold|precision|dataset|model * {run}|{ref} * use|have|=with|train"},
			{8, "what|which * learning_rate|batch_size|seed|optimizer|patch_size|fold|precision|dataset|model * do|was * {run}|{ref}"},
			{5, "what is {run}"},
			{9, "what|which learning_rate|lr|batch_size|patch_size|seed|optimizer|fold|precision|patience * {run}|{ref}"},
			{6, "pull|bring up * {run}|{ref}"},
			{4, "^ open {run}"},
			{5, "pick|choose|select {run}"},
			{12, "how_many epoch|step|iteration * {run}|{ref}"},
			{3, "{run} on|of|with {dataset}"},
		}},
		{"metric_history", []cue{
			{9, "curve|history|trend|trajectory|evolution"},
			{8, "plot|graph|chart|draw|curve * {metric}"},
			{8, "plot|graph|chart|draw"},
			{8, "how do|have|is * {metric} * develop|evolve|change|go|move|look"},
			{8, "{metric} * over|per|by|against|across * time|epoch|step|epochs|training"},
			{6, "{metric} over time"},
			{5, "show|what|how|see * ?loss"},
			{2, "{metric}"},
		}},
		{"runs_sql", []cue{
			{20, "{sql}"},
		}},
		{"run_tag", []cue{
			{8, "=tag|retag"},
			{8, "^ label|mark|flag|annotate|tag|note"},
			{7, "label|mark|flag|annotate * {run}|{ref}|{runs} * as|with|=="},
			{6, "add|put|attach|give|set * tag|label"},
			{3, "as {quoted}|{name}"},
		}},
		{"run_delete", []cue{
			{9, "delete|remove|erase|discard|trash|purge|wipe|destroy"},
			{7, "drop|throw * {run}|{ref}|{runs}|run"},
			{1, "{run}|{ref}|{runs}"},
		}},
	}
}

// questionFrames recognise questions about numbers, which become SQL.
func questionFrames() []frame {
	return []frame{
		{intentBest, []cue{
			{9, "which|what|who * =best|better|winner|top|highest|lowest|worst|fastest|slowest|longest|shortest"},
			{9, "which|what * is|do|has|have|perform|reach|get|achieve|give|score * {best}"},
			{9, "what is|=was {best}"},
			{8, "which|what * {best}"},
			{9, "=best|highest|lowest|worst|top|greatest|maximum|minimum|max|min {metric}"},
			{8, "top {num} run|model|experiment|{model}"},
			{8, "best|top|highest|worst {num}"},
			{12, "rank|leaderboard|ranking"},
			{9, "which|what run|model|one * get|have|reach|achieve|do * {ref}"},
			{9, "say|tell|know|find|show|report|name * which * =best|winner|{best}|better|won|win"},
			{8, "which * won|win|wins"},
			{7, "tell|show|give|name|find * {metric} * {best}"},
			{7, "who|which * wins|won"},
			{6, "fastest|slowest|longest|shortest run|training|{runs}"},
		}},
		{intentQuality, []cue{
			{9, "how_good|how_well|how_bad|how_accurate"},
			{12, "what|how do {run}|{ref} score|get|reach|achieve"},
			{9, "how good|well|bad|accurate"},
			{7, "what|tell|give|report|show|say|quote|print|get|know * {metric}|score|result|number|performance|accuracy"},
			{7, "{metric}|result|score|number|performance|accuracy * {run}|{ref}"},
			{6, "is {run}|{ref} * good|any|better|okay"},
			{5, "^ result|score|{metric}"},
			{6, "do|how * perform|performance|do|work * {split}|{dataset}"},
			{3, "{metric}"},
			{2, "{run}|{ref}"},
		}},
		{intentVolumes, []cue{
			{11, "which|what|worst|best|hardest|easiest * volume|case|image|scan|patient * {metric}|{run}|{ref}|worst|best|hard|hardest|fail|low|lowest|worse|bad|{best}"},
			{11, "per|each|every|by volume|case|image|scan|patient"},
			{11, "per-volume|per-case|volume-wise|case-wise|volumewise"},
			{10, "worst|hardest|lowest|best|easiest volume|case|image|scan"},
		}},
		{intentCount, []cue{
			{10, "how_many run|model|training|experiment|evaluation|job|{runs}|{model}|=runs"},
			{10, "how_many * run|model|training|experiment|evaluation|job|{runs}"},
			{10, "count * run|{runs}|job|training"},
			{10, "how_many * fail|finish|crash|=running|cancel"},
		}},
		{intentDuration, []cue{
			{10, "how_long * take|train|last|run|need"},
			{9, "duration|runtime|wall_time|training_time"},
			{8, "how much time"},
		}},
		{intentAverage, []cue{
			{10, "average|mean|median * {metric} * per|by|of|for|across|each"},
			{10, "{metric} * per|by =model|models|seed|dataset|fold|architecture"},
			{10, "average|mean * {metric}"},
		}},
		{intentFilter, []cue{
			{11, "which|what|list|show|all|find|any * run|=runs|{runs}|model|models * {metric} * {num}"},
			{11, "run|=runs|{runs}|model|models|{model} * above|over|below|under|than|least|most * {num} {metric}"},
			{11, "run|=runs|{runs}|model|models * above|over|below|under|than|least|most * {num}"},
			{11, "any|anything|something|{model}|{run} * above|over|below|under|least|than|beat|exceed * {num} {metric}"},
			{11, "above|over|below|under|least|exceed {num} {metric}"},
			{11, "any|anything|something|{model} * {metric} * above|over|below|under|least|exceed|than {num}"},
			{11, "which|what|any * {metric} * above|over|below|under|exceed|than|least|most * {num}"},
		}},
	}
}

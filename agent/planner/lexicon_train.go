package planner

// trainFrames recognise the tools of the train family.
func trainFrames() []frame {
	return []frame{
		{"train_launch", []cue{
			{7, "=train|retrain|finetune|=trains"},
			{7, "^ fit"},
			{7, "=fit|fitting * {model}|{dataset}|model|network"},
			{10, "cross-validate|crossvalidate|cv * {model}"},
			{10, "{model} * cross-validation|cross-validated"},
			{3, "^ =train|fit|finetune|retrain"},
			{6, "launch|start|run|kick_off|begin|do|queue|submit|schedule * training|{model}"},
			{4, "training * {dataset}|{dataref}|{model}"},
			{14, "continue|resume|restart|begin * weight|checkpoint|init_from * {dataset}|{dataref}"},
			{14, "continue|resume|restart|begin * {dataset}|{dataref} * weight|checkpoint|init_from"},
			{14, "continue|resume from {run}|{ref} * on|with|using {dataset}|{dataref}"},
			{9, "weight|pretrained|checkpoint * {model} * {dataset}|{dataref}"},
			{7, "init_from * {dataset}|{dataref}"},
			{7, "{dataset}|{dataref} * init_from"},
			{2, "{model}"},
			{1, "{dataset}|{dataref}"},
			{1, "epoch"},
			{12, "test|trial|pilot|smoke|debug|dry * =training|train|=trainings"},
		}},
		{"sweep_launch", []cue{{12, "sweep|grid_search|hyperparameter_search|random_search|tune|tuning|optuna|tpe|bayesian"}, {12, "optimise|optimize|try|vary|scan * learning_rate|batch_size|patience|dropout|hyperparameter|setting"}, {8, "search * learning_rate|hyperparameter|parameter"}}},
	}
}

// jobFrames recognise the tools about jobs.
func jobFrames() []frame {
	return []frame{
		{"job_list", []cue{
			{7, "list|show|see|display|what|which|print|my|all|any|every * =jobs|queue"},
			{6, "what|anything|something|who|which * =running|queued"},
			{6, "is|are * anything|something|any * running|queued|busy"},
			{5, "^ =jobs"},
			{5, "{state} =jobs"},
			{4, "=queue"},
			{9, "list|show|see|what * everything|anything * queued|running|waiting|pending"},
			{7, "any|there|are * =jobs|job|=trainings * {state}|queued|waiting|pending|running"},
			{7, "what is in * =queue"},
			{6, "^ anything|something =running|queued|waiting|pending"},
			{7, "what is * =running on|at"},
		}},
		{"job_status", []cue{
			{7, "how is|do|go|far * {run}|{ref}|{runs}|job|training|run|evaluation|experiment|it * go|do|get|come|progress|look"},
			{8, "how_far"},
			{9, "how is {run}|{ref} * come|coming|progressing|getting"},
			{8, "how much|many * longer|left|remaining|more * take|need|{run}|{ref}|until|till"},
			{8, "how much longer|more"},
			{7, "where are|is we|i|it|{run}|{ref}"},
			{9, "do {run}|{ref} crash|fail|finish|die|stop|diverge|complete|succeed|survive|end"},
			{9, "is {run}|{ref} * alive|dead|stuck|hanging|done|finished"},
			{9, "=eta * {run}|{ref}"},
			{12, "why do|is|has * fail|crash|die|stop|break|abort|end|cancel"},
			{12, "why do|is|has * {state}"},
			{8, "^ =is|=has * run|job|training|{run}|{ref} {state}"},
			{11, "what * wrong * {run}|{ref}|job|training"},
			{8, "what happen * {run}|{ref}"},
			{6, "status|progress|state|eta"},
			{5, "check * {run}|{ref}|job|training|progress"},
			{7, "is|has * {run}|{ref}|job|training|run|evaluation * finish|do|ready|complete|over|run|still|through|fail|crash"},
			{7, "how_long * left|remaining|remain|until|till|more|still"},
			{6, "when * finish|do|ready|complete|over"},
			{5, "still =running|training|going"},
			{2, "{run}|{ref}"},
		}},
		{"job_logs", []cue{
			{8, "log|logs|stderr|stdout|worker.log|logfile"},
			{8, "traceback|console|printout"},
			{7, "output|print|said|say * {run}|{ref}|worker|job"},
			{6, "=tail"},
			{7, "last|final {num} line"},
		}},
		{"job_resume", []cue{
			{9, "resume|continue|unpause|requeue|restart"},
			{7, "go_on * {run}|{ref}|train|training"},
			{6, "keep =training|going"},
			{7, "train|run * longer|further"},
			{9, "train {run}|{ref} on to"},
			{9, "{run}|{ref} run|train|go on|longer|further|until"},
			{9, "pick|take {run}|{ref} up"},
			{9, "train {run}|{ref} until|up|further|longer"},
			{7, "train * {run}|{ref} * {num} more|further|additional|extra"},
			{6, "{num} more epoch"},
			{2, "{run}|{ref}"},
		}},
		{"job_cancel", []cue{
			{9, "cancel|abort|halt|terminate|interrupt"},
			{9, "stop|kill|end * {run}|{ref}|{runs}|job|run|training|evaluation|everything|all|experiment"},
			{7, "^ stop|kill"},
			{1, "{run}|{ref}"},
		}},
	}
}

// evaluateFrames recognise the tools of the evaluate family.
func evaluateFrames() []frame {
	return []frame{
		{"evaluate_run", []cue{
			{8, "evaluate|assess|benchmark|eval|judge|re-evaluate|reevaluate|=score|=test"},
			{11, "get|have|want|need * score|metric|evaluation * computed|calculated|measured"},
			{9, "compute|calculate|measure|determine * {metric}|metric|score * {run}|{ref}"},
			{10, "validate|check {run}|{ref} * {split}"},
			{9, "run {run}|{ref} on|over {split}"},
			{9, "run {run}|{ref} on|over the {split}"},
			{7, "run|do|start|launch|perform|make|repeat * evaluation|eval"},
			{10, "^ compute|calculate|measure|determine * {metric}|metric|score"},
			{7, "see|check|find|look * how_well|how_good"},
			{10, "rerun|repeat|redo|perform|do|run * evaluation|eval"},
			{4, "evaluation"},
			{2, "{split}"},
			{1, "{run}|{ref}"},
		}},
		{"compare_runs", []cue{
			{9, "compare|contrast|versus|vs|vs."},
			{8, "difference|differ * between|from"},
			{12, "which|what|who of {run} and|or|,|vs {run}"},
			{11, "which * {run} and|or|, {run} * better|best|winner"},
			{11, "is|does|do {run} * better|beat|worse|outperform * {run}"},
			{9, "{run} or|better|beat|than {run}"},
			{8, "{run} * better|beat|worse * {run}"},
			{12, "which|who|what * better|best|stronger|winner|wins * {model} or|and|vs {model}"},
			{12, "which|who|what * better|best|stronger|winner|wins * {run} or|and|vs {run}"},
			{8, "better|worse * {run} or {run}"},
			{9, "{model} * better|worse|beat|outperform * {model}"},
			{12, "side by side|side-by-side|head to head|head-to-head"},
			{6, "paired|significant|significantly|wilcoxon"},
		}},
	}
}

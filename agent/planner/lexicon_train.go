package planner

// trainFrames recognise the tools of the train family.
func trainFrames() []frame {
	return []frame{
		{"train_launch", []cue{
			{7, "=train|retrain|fit|finetune|=trains"},
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
		}},
		{"sweep_launch", []cue{{9, "sweep|grid_search|hyperparameter_search|random_search|tune|optuna"}, {8, "search * learning_rate|hyperparameter|parameter"}}},
		{"job_list", []cue{
			{7, "list|show|see|display|what|which|print|my|all|any|every * =jobs|queue"},
			{6, "what|anything|something|who|which * =running|queued"},
			{6, "is|are * anything|something|any * running|queued|busy"},
			{5, "^ =jobs"},
			{5, "{state} =jobs"},
			{4, "=queue"},
		}},
		{"job_status", []cue{
			{7, "how is|do|go|far * {run}|{ref}|{runs}|job|training|run|evaluation|experiment|it * go|do|get|come|progress|look"},
			{8, "how_far"},
			{12, "why do|is|has * fail|crash|die|stop|break|abort|end|cancel"},
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
			{7, "run|do|start|launch|perform|make|repeat * evaluation|eval"},
			{10, "^ compute|calculate|measure|determine * {metric}|metric|score"},
			{7, "see|check|find|look * how_well|how_good"},
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
			{8, "better|worse * {run} or {run}"},
			{9, "{model} * better|worse|beat|outperform * {model}"},
			{7, "side by side|side-by-side|head to head|head-to-head"},
			{6, "paired|significant|significantly|wilcoxon"},
		}},
	}
}

package planner

// laterFrames recognise the catalogue's tools that some versions do not have,
// so that the planner can say so by name.
func laterFrames() []frame {
	return []frame{
		{"ensemble_build", []cue{{10, "ensemble|soup|souping|greedy_soup"}, {12, "combine|merge|blend * model|weight|prediction|output|probability|{run}|{runs}|{ref}"}, {12, "average * prediction|output|probability|weight * {run}|{runs}|{ref}"}, {9, "average {run}|{runs}|{ref}"}, {12, "weight|prediction * {run} * average|merge|blend|pool"}, {9, "majority vote|voting"}, {9, "vote|voting * {run}|{runs}|{ref}"}}},
		{"calibrate_model", []cue{{10, "calibrate|calibration|temperature_scaling|platt|isotonic|recalibrate"}, {9, "overconfident|underconfident"}, {13, "calibrated"}, {9, "probability|probabilities|confidence * honest|trustworthy|calibrated"}}},
		{"conformal_fit", []cue{{9, "conformal|prediction_set"}, {9, "coverage"}, {9, "risk control"}}},
		{"diagnose_weights", []cue{{10, "diagnose|weightwatcher|diagnosis|diagnostics"}, {10, "dead|dying|dormant|collapsed|exploding|exploded|degenerate|pathological|strange|weird * filter|neuron|unit|channel|kernel|weight"}, {10, "weight * health|healthy|spectrum|spectral|pathological|explode|exploded|degenerate|blow|norm|norms|collapse|collapsed|weird|strange|odd|ok|okay|fine|sane"}, {10, "check|inspect|look|analyse|analyze|examine * weight|filter"}, {10, "spectrum|spectra|norms of * weight|{run}"}}},
		{"explain_prediction", []cue{{9, "explain * prediction|volume|why"}, {14, "saliency|integrated_gradients|grad-cam|gradcam|grad_cam|shap|shapley|occlusion|attribution|attributions"}, {13, "why do {run}|{ref} * miss|predict|call|mark|label|segment|see|ignore"}, {13, "which|what voxel|region|part|area|pixel * {run}|{ref}|{model}"}, {13, "which|what voxel|region|part * make|made|drive|cause|matter|influence"}, {9, "explain * {run}|{ref}"}, {14, "what|where|why|which * drive|look|attend|focus|rely|decide|influence * {volume}"}}},
		{"model_register", []cue{{11, "register * {run}|{ref}|model|run"}, {9, "model registry|catalogue"}, {9, "{run}|{ref} * registry"}}},
		{"model_promote", []cue{{12, "promote"}, {7, "champion|challenger|staging|production"}, {12, "make|move|set|put|become|be|use * champion|challenger|staging|production"}}},
		{"model_card", []cue{{12, "model_card|model-card"}, {12, "model card"}}},
		{"serve_start", []cue{{8, "serve|deploy|host|expose"}, {10, "start|launch|begin|bring * server|service|serving|endpoint"}, {9, "put|make|bring|take|get|set * {run}|{ref} * online|live|available|service|endpoint"}}},
		{"serve_status", []cue{{12, "is|are anything|something|any * deployed|served|serve|online|live"}, {12, "what|which|anything|something is|are * deployed|served|=serving|online|live"}, {9, "is * server|service|endpoint * up|running|alive|healthy|down|ok|okay|there"}, {12, "server|service|serving|endpoint * status|state|health"}, {9, "status * server|service|endpoint"}}},
		{"serve_stop", []cue{{17, "^ stop|shut_down|kill|end|terminate|halt the|that|our|my server|service|endpoint"}, {11, "stop|shut_down|kill|end|terminate|halt * server|serving|service|endpoint"}, {11, "take|bring|tear|turn|shut * server|service|endpoint * down|off"}, {11, "take|tear|shut|turn down|off * server|service|endpoint"}}},
		{"lineage_show", []cue{{9, "lineage|provenance|ancestry"}, {12, "where do * {run}|{ref} * come from"}, {12, "what|which * {run}|{ref} * made|built|derived|come|came * of|from"}, {9, "origin|history of {run}"}, {12, "trace|track {run}|{ref} * back|origin|data"}}},
		{"audit_verify", []cue{{13, "audit * trail|log|logs|chain|verify|intact|journal|records"}, {13, "verify|check|tampered|tamper|manipulated * audit"}}},
		{"report_write", []cue{{12, "write|create|make|generate|produce|draft|prepare|need|want|give|compile * report"}, {12, "in|into|as a|one|an * report"}, {12, "write|=sum up * {run}|{runs}|{ref}"}, {12, "write|=sum {run}|{runs}|{ref} up"}, {12, "^ a|an|the|one * report"}, {12, "report compare|on|about|of|over|cover|for * {runs}|{run}"}, {12, "report compare|on|about|of|over"}, {7, "report on|of|about|for * {runs}|{run}|{ref}"}}},
	}
}

// chatFrames recognise talk that no tool answers.
func chatFrames() []frame {
	return []frame{
		{intentGreet, []cue{{4, "^ hello|hi|hey|hallo|moin|howdy|greetings|good_morning|good_evening|yo"}}},
		{intentNever, []cue{{14, "^ never mind|it"}, {14, "^ nevermind"}, {14, "^ forget it|that|about"}, {6, "^ =no|wait|nope $"}, {6, "^ =no|wait|nope * =no|wait $"}, {14, "^ leave it|that $"}}},
		{intentThanks, []cue{{5, "^ thank|thanks|thx|cheers|great|perfect|nice|cool|awesome|ta"}}},
		{intentModels, []cue{
			{11, "what|which|list|show * =models|=networks|=architectures|=nets * there|available|train|have|support|offer|know|can|use"},
			{11, "^ list|show|see|display|what|which * =networks|=architectures|=nets"},
			{11, "^ list|show|see|display|print|give * =models $"},
			{13, "list|show|see|display|tell|give|print|explain * available|supported|possible|implemented|offered =models|=networks|=architectures|=nets"},
			{16, "^ what can|could i|we =train $"},
			{9, "^ =networks|=architectures $"},
		}},
		{intentRegistered, []cue{{13, "list|show|which|what|any * registered|registry"}}},
		{intentMetrics, []cue{{11, "what|which|list|show * =metrics|scores|measures * there|available|have|support|offer|know|can|compute"}}},
		{intentBye, []cue{{16, "thank|thanks|thx|cheers|great|perfect|ok * that is|was * all|it|everything|enough for|$"}, {14, "^ that is|was all|it|everything|enough"}, {5, "^ bye|goodbye|ciao|see_you|farewell|quit|exit"}}},
		{intentHelp, []cue{{8, "^ help"}, {8, "what|which * can|could|do * you * do|help|offer"}, {14, "^ how do|can|would|should i|we|you|one"}, {8, "what * ask|say|commands|tools"}, {14, "^ what|which * can you =export|=predict|=save|=convert|=segment"}, {6, "^ commands|usage|examples"}}},
		{intentWho, []cue{{8, "who|what are|is you"}, {8, "are|is you * model|llm|gpt|human|bot|ai|robot|chatgpt"}, {7, "^ your name"}}},
		{intentDefine, []cue{{12, "^ what is {metric} $"}, {12, "^ what is {metric} again|exactly|anyway $"}, {12, "^ what do the|a|this {metric} mean|measure|say|tell"}, {9, "^ why is|do|use|not * {metric}"}, {12, "^ what is * {metric} and why"}, {12, "^ what is * a|an"}, {12, "^ what is|are =onnx|safetensors|npz|int8|fp16|freeze|finetune|deep_supervision $"}, {12, "^ what do {metric} mean|measure|say|tell"}, {12, "^ what do * =mean $"}, {12, "^ define|explain|describe {metric}|{model} $"}, {12, "^ tell me|us about {metric}|{model} $"}, {12, "^ difference|what * difference between {metric} and {metric}"}, {10, "^ what is {model} $"}, {12, "^ how is {metric} defined|define|calculate|compute"}, {5, "^ what is|does|are|do|=mean"}, {6, "^ define|explain"}, {6, "meaning|definition of"}, {5, "what * =mean|stand"}, {5, "how is * defined|computed|calculated"}, {5, "difference between"}, {6, "tell|explain * what * is"}}},
	}
}

package planner

// laterFrames recognise the catalogue's tools that some versions do not have,
// so that the planner can say so by name.
func laterFrames() []frame {
	return []frame{
		{"ensemble_build", []cue{{9, "ensemble|soup|souping|greedy_soup"}, {8, "average|combine|merge * model|weight|run|{runs}|{ref}"}}},
		{"calibrate_model", []cue{{9, "calibrate|calibration|temperature_scaling|platt|isotonic"}}},
		{"conformal_fit", []cue{{9, "conformal|coverage guarantee|prediction_set"}}},
		{"diagnose_weights", []cue{{9, "diagnose|weightwatcher|dead filter"}, {8, "weight * health|spectrum|spectral|look"}}},
		{"explain_prediction", []cue{{9, "explain * prediction|volume|why"}, {9, "saliency|integrated_gradients|grad-cam|grad_cam|shap|occlusion|attribution"}}},
		{"model_register", []cue{{9, "register * {run}|{ref}|model|run"}, {9, "model registry|catalogue"}, {9, "{run}|{ref} * registry"}}},
		{"model_promote", []cue{{9, "promote|champion|staging|production"}}},
		{"model_card", []cue{{10, "model_card|model-card"}, {10, "model card"}}},
		{"serve_start", []cue{{8, "serve|deploy|host|expose"}, {8, "start * server|service|endpoint"}}},
		{"serve_status", []cue{{9, "is * server|service|endpoint * up|running|alive|healthy"}, {9, "server|service|serving|endpoint status"}, {9, "status * server|service|endpoint"}}},
		{"serve_stop", []cue{{11, "stop|shut_down|kill * server|serving|service|endpoint"}}},
		{"lineage_show", []cue{{9, "lineage|provenance|ancestry"}, {8, "where do * {run}|{ref} come from"}}},
		{"audit_verify", []cue{{10, "audit * trail|log|chain|verify"}, {10, "verify|check * audit"}}},
		{"report_write", []cue{{9, "write|create|make|generate|produce|draft * report"}, {6, "report * {runs}|{run}"}}},
	}
}

// chatFrames recognise talk that no tool answers.
func chatFrames() []frame {
	return []frame{
		{intentGreet, []cue{{4, "^ hello|hi|hey|hallo|moin|howdy|greetings|good_morning|good_evening|yo"}}},
		{intentThanks, []cue{{5, "^ thank|thanks|thx|cheers|great|perfect|nice|cool|awesome|ta"}}},
		{intentModels, []cue{
			{11, "what|which|list|show * =models|=networks|=architectures|=nets * there|available|train|have|support|offer|know|can|use"},
			{11, "^ list|show|see|display|what|which * =networks|=architectures|=nets"},
			{11, "^ list|show|see|display|print|give * =models $"},
			{16, "^ what can|could i|we =train $"},
			{9, "^ =networks|=architectures $"},
		}},
		{intentRegistered, []cue{{13, "list|show|which|what|any * registered|registry"}}},
		{intentMetrics, []cue{{11, "what|which|list|show * =metrics|scores|measures * there|available|have|support|offer|know|can|compute"}}},
		{intentBye, []cue{{5, "^ bye|goodbye|ciao|see_you|farewell|quit|exit"}}},
		{intentHelp, []cue{{8, "^ help"}, {8, "what|which * can|could|do * you * do|help|offer"}, {14, "^ how do|can|would|should i|we|you|one"}, {8, "what * ask|say|commands|tools"}, {14, "^ what|which * can you =export|=predict|=save|=convert|=segment"}, {6, "^ commands|usage|examples"}}},
		{intentWho, []cue{{8, "who|what are|is you"}, {8, "are|is you * model|llm|gpt|human|bot|ai|robot|chatgpt"}, {7, "^ your name"}}},
		{intentDefine, []cue{{12, "^ what is {metric} $"}, {12, "^ what is * a|an"}, {12, "^ what is|are =onnx|safetensors|npz|int8|fp16|freeze|finetune|deep_supervision $"}, {12, "^ what do {metric} mean|measure|say|tell"}, {12, "^ what do * =mean $"}, {12, "^ define|explain|describe {metric}|{model} $"}, {12, "^ tell me|us about {metric}|{model} $"}, {12, "^ difference|what * difference between {metric} and {metric}"}, {10, "^ what is {model} $"}, {12, "^ how is {metric} defined|define|calculate|compute"}, {5, "^ what is|does|are|do|=mean"}, {6, "^ define|explain"}, {6, "meaning|definition of"}, {5, "what * =mean|stand"}, {5, "how is * defined|computed|calculated"}, {5, "difference between"}, {6, "tell|explain * what * is"}}},
	}
}

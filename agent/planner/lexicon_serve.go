package planner

// serveFrames recognise the tools of the serve family.
func serveFrames() []frame {
	return []frame{
		{"model_list", []cue{
			{13, "what|which|show|list|tell|explain|describe|see * option|argument|parameter|=settings|setting|hyperparameter * {model}"},
			{13, "what|which * can|could|may * set|change|choose|tune * {model}"},
			{13, "how_many|how_big * {model} * parameter|weight|have"},
			{13, "how_many parameter|weight * {model}"},
			{12, "how_big is {model}"},
			{13, "what|how * {model} * configure|configured|set|adjusted|customised|customized|parameterised"},
			{12, "how_big is a|an|the {model}"},
			{11, "{model} option|parameter|argument|setting"},
			{9, "option|argument of|for {model}"},
		}},
		{"model_export", []cue{
			{9, "export|onnx"},
			{9, "save|write|store|dump|download|extract|convert|give|get|need|want|turn|have|make|put * onnx|safetensors|safetensor|npz|numpy|int8|fp16|quantise|quantize"},
			{9, "save|write|store|dump|download|extract|get|give * weight|checkpoint"},
			{8, "convert|quantise|quantize"},
			{7, "save|store|dump {run}|{ref}|{model}"},
			{6, "weight|checkpoint * as|to|in|into {path}|safetensors|npz|numpy|onnx"},
			{5, "weight|checkpoint of|from {run}|{ref}"},
			{9, "onnx|safetensors|safetensor|npz|int8|fp16 * of|for|from * {run}|{ref}"},
			{9, "^ {run}|{ref} * onnx|onnx-int8|onnx-fp16|safetensors|npz|int8|fp16"},
			{9, "{run}|{ref} * out as * onnx|safetensors|npz|weights"},
			{1, "{run}|{ref}"},
		}},
		{"predict_volume", []cue{
			{8, "predict|infer|segment|=prediction|=predictions|inference|segmentation * {path}|volume|image|scan|file"},
			{7, "^ predict|segment|infer"},
			{9, "inference|predict"},
			{12, "=prediction|=predictions|segmentation|inference of|for|on {volume}|{path}"},
			{9, "=prediction|=predictions|segmentation|inference from|by|with|of {run}|{ref}"},
			{12, "run|do|make|repeat|redo|rerun|launch|start the|a|another|that =prediction|=predictions|segmentation|inference"},
			{10, "run|apply|use|try * {run}|{ref}|{path}|{model} on|to|over|against * {path}|image|scan|volume"},
			{10, "^ {run}|{ref}|{model} on|to|over|against * {path}"},
			{10, "label|annotate|mark * {path}"},
			{12, "label|annotate|mark|segment|outline|process {volume} with|using|by|through {run}|{ref}"},
			{10, "run|apply|use|try * {run}|{ref} on|to|over {volume}"},
			{10, "predict|segment|infer * {volume}"},
			{9, "make|do|run|get|produce|generate =prediction|=predictions|inference|segmentation|segmentations"},
			{12, "use|take|apply|let|have {run}|{model}|{ref} * label|segment|predict|annotate|infer|outline|process|delineate *"},
			{11, "what do|would|will|can|could {run}|{ref}|{model} predict|say|make|give|find|see * {path}"},
			{2, "{path}"},
			{1, "{run}|{ref}"},
		}},
	}
}

package planner

import "slices"

// dataFrames recognise the tools of the data family.
func dataFrames() []frame {
	return slices.Concat([]frame{
		{"dataset_list", []cue{
			{6, "list|show|see|display|print|give|view * =datasets"},
			{8, "what|which|any * =datasets"},
			{15, "what|which|list|show|see|give|display|any|all|every|each * =datasets * have|got|load|import|register|registered|here|there|available|exist"},
			{15, "list|show|see|give|display|overview|name * all|every|each|=datasets|any * dataset|=datasets"},
			{15, "what|which =data * there|have|exist|available"},
			{7, "overview|summary|catalogue|catalog|inventory * =datasets"},
			{6, "anything|something|what in =catalogue|catalog"},
			{6, "what|anything|something * in the catalogue|catalog"},
			{5, "list|what|which * dataset * have|there|available|exist|got|know"},
			{5, "=datasets * have|there|available|exist"},
			{6, "what|which|show|list * data * have|available|got|there"},
			{5, "^ =datasets"},
			{12, "what * i|we * =train on"},
			{12, "what =data|dataset * i|we|one * =train|use|work"},
			{9, "^ ls|dir =datasets|dataset|data"},
			{8, "what do i|we * have|own * =data|=datasets"},
			{8, "what|which dataset * biggest|largest|smallest|most|fewest|newest|oldest"},
			{12, "what|which data|dataset|=datasets * i|we * import|have|make|made|add|create|own"},
		}},
		{"dataset_show", []cue{
			{5, "show|describe|detail|inspect|open|tell|info|about|summarise|summarize|display|look * {dataset}"},
			{7, "what is in|inside|within * {dataset}|{dataref}"},
			{6, "what do {dataset}|{dataref} contain|hold|have|include"},
			{4, "show|describe|detail|inspect|about|summarise|summarize * {dataref}"},
			{7, "how_many volume|image|scan|case|patient|voxel|file * {dataset}|{dataref}"},
			{4, "how_many volume|image|scan|case|patient"},
			{5, "how_big|size|spacing|shape|voxel|resolution * {dataset}|{dataref}"},
			{3, "spacing|resolution"},
			{7, "foreground|fraction|extent|dimension|vesselness * {dataset}|{dataref}"},
			{12, "percentage|share|fraction|proportion|percent|part of|in {dataset}|{dataref} * =foreground|vessel|vessels|labelled|labeled"},
			{13, "how * {dataset}|{dataref} * =is|=was|=are|=gets split|splits|divide|divided|partition|partitioned|organised|organized"},
			{6, "{dataset} info|information|details|summary|overview|properties"},
			{9, "where|folder|directory|path|location|disk|drive * {dataset}|{dataref} * live|lie|=stored|located|=sit|=kept|=reside|=is|$"},
			{13, "how is|=are|was * {dataset}|{dataref} * split|divide|partition|=folds|=made|organise"},
			{14, "how {dataset}|{dataref} is * split|divide|partition|=folds|organise|distribute"},
			{13, "how is|=are|was * {dataset}|{dataref} * distribute|allocate|assign"},
			{13, "how_many =folds|fold * {dataset}|{dataref}"},
			{8, "volume|image|scan|stack in|of {dataset}|{dataref} * same|equal|large|big|small|size|shape|spacing"},
			{9, "^ {dataset}|{dataref} * who|which|what|where * {split}"},
			{9, "^ {dataset}|{dataref} * {split} * who|where|which"},
			{9, "what|which folder|directory|path|disk|drive * {dataset}|{dataref}"},
			{9, "folder|directory|path|location of|for {dataset}|{dataref}"},
			{12, "^ {dataset} , =train * who|what|where|which"},
			{2, "{dataset}"},
			{2, "volume|image"},
		}},
		{"dataset_create_synthetic", []cue{
			{7, "create|make|generate|build|simulate|synthesise|synthesize|fake|need|want|give|produce|prepare * synthetic|artificial|simulated|fake|phantom|synth"},
			{6, "simulate|synthesise|synthesize|fake"},
			{4, "synthetic|artificial|simulated|phantom|synth"},
			{5, "create|make|generate|build|produce * dataset|data|volume|vessel|tree"},
			{1, "{triple}"},
		}},
		{"dataset_import", []cue{
			{6, "import|ingest|load|register|bring_in"},
			{6, "add|catalogue|catalog|read|use * {path}"},
			{9, "put|add|bring|register * {path} * catalogue|catalog|as|under"},
			{8, "add|put|bring|take {path}"},
			{9, "{path} * into|as * dataset|workspace|catalogue"},
			{9, "get|pull|take|bring|fetch|read {path} * in|as|over"},
			{4, "{path} * dataset|data"},
			{3, "{path}"},
			{2, "folder|directory|decathlon|layout"},
		}},
		{"dataset_split", []cue{
			{7, "split|divide|partition|resplit|re-split"},
			{6, "make|create|set|do|give|need * =folds|split|cross-validation|crossvalidation"},
			{4, "cross-validation|crossvalidation|kfold|k-fold|folds|cv"},
			{9, "set|change|swap|raise|lower|make|increase|reduce|put * test_fraction|=folds|test|held-out|holdout * {dataset}|{dataref}"},
			{2, "{dataset}|{dataref}"},
		}},
	}, checkFrames())
}

// checkFrames recognise the tools that look for what is wrong with data.
func checkFrames() []frame {
	return []frame{
		{"dataset_validate", []cue{
			{6, "validate|verify|check|sanity-check|qc * {dataset}|{dataref}|dataset|data|label|file|image"},
			{6, "validate|verify|qc|sanity"},
			{8, "make sure * {dataset}|{dataref}"},
			{9, "^ fsck|lint|doctor * {dataset}|{dataref}"},
			{10, "look|go * through|over|at|into * file|header|nifti * {dataset}|{dataref}"},
			{10, "look|see|check * if|whether|that * file|header|nifti|label|image * error|corrupt|broken|damaged|ok|okay|fine|alright|complete|readable|intact|match"},
			{10, "every|each|all|label|mask|annotation|image * {dataset}|{dataref} * match|fit|agree|align|aligned|belong|correspond|consistent"},
			{10, "label|mask|annotation|image|file|shape|volume * match|fit|agree|align|aligned|belong|correspond|consistent * {dataset}|{dataref}"},
			{8, "make|do|run|perform * check|validation|sanity * {dataset}|{dataref}|data|dataset"},
			{8, "any|contain|have|there * corrupt|broken|defect|damaged|unreadable|invalid|missing|=empty|blank|truncated|duplicate * {dataset}|file|volume|image|label|nifti|scan"},
			{9, "whether|if|are|is|that * file|image|label|scan * error|problem|damage|corrupt|broken|ok|okay|fine|intact"},
			{8, "{dataset}|{dataref} * corrupt|broken|defect|damaged|unreadable|invalid|clean|=empty|blank|truncated|duplicate"},
			{9, "mask|label|annotation|volume|file|image * corrupt|broken|damaged|unreadable|=empty|blank|truncated|duplicate * {dataset}|{dataref}"},
			{7, "is everything|anything|all * ok|okay|fine|right|wrong|valid|good * {dataset}|{dataref}"},
			{6, "is * {dataset}|{dataref} * ok|okay|fine|valid|healthy|clean|sound|good|broken|corrupt|usable|alright|intact|consistent|readable|loadable|complete"},
			{7, "anything|something|problem|issue|wrong|error|defect * {dataset}|{dataref}|data|dataset"},
			{2, "{dataset}|{dataref}"},
		}},
		{"dataset_profile", []cue{{7, "profile|histogram|statistic|stat * {dataset}|{dataref}"}, {6, "profile"}, {6, "intensity distribution|histogram|statistic"}}},
		{"dataset_drift", []cue{{9, "drift|drifted|shift|shifted"}, {8, "distribution * differ|different|change|same"}, {9, "{dataset} * different|differ from|than|to {dataset}"}, {9, "differ|different * {dataset} and {dataset}"}, {12, "{dataset} * change|changed|shifted|differ|different * {dataset}"}}},
		{"labels_audit", []cue{{12, "audit|suspicious|mislabelled|mislabeled|wrong|questionable|bad|doubtful * label|annotation|mask|segmentation"}, {12, "mislabelled|mislabeled|misannotated|mis-labelled * volume|case|image|scan|voxel|{dataset}|{dataref}"}, {12, "label|annotation|mask * audit|error|noise|mistake|wrong|suspicious|questionable"}, {9, "label|annotation * disagree|disagreement"}, {14, "disagree|contradict|conflict|at_odds * label|annotation|mask|annotator|segmentation"}}},
	}
}

package planner

// phrase is a group of words that counts as one.
type phrase struct{ words, as string }

// phrases merges fixed groups of words into the single word that the tables
// use. Longer phrases of one first word stand before shorter ones.
func phrases() []phrase {
	return []phrase{
		{"learning rate", "learning_rate"}, {"learn rate", "learning_rate"}, {"mini batch size", "batch_size"},
		{"batch size", "batch_size"}, {"patch size", "patch_size"}, {"crop size", "patch_size"}, {"patches of", "patch_size"},
		{"gradient checkpointing", "gradient_checkpointing"}, {"activation checkpointing", "gradient_checkpointing"},
		{"max steps", "max_steps"}, {"maximum steps", "max_steps"}, {"max epochs", "epochs"},
		{"early stopping", "early_stop"}, {"stop early", "early_stop"}, {"stopping early", "early_stop"},
		{"test fraction", "test_fraction"}, {"init from", "init_from"}, {"initialised from", "init_from"},
		{"initialized from", "init_from"}, {"starting from", "init_from"}, {"start from", "init_from"},
		{"warm start from", "init_from"}, {"initialise from", "init_from"}, {"initialize from", "init_from"},
		{"with weights from", "init_from"}, {"from the weights of", "init_from"},
		{"weight decay", "weight_decay"}, {"fine tune", "finetune"}, {"fine tuning", "finetune"},
		{"swin unetr", "swinunetr"}, {"swin unet r", "swinunetr"}, {"swin transformer", "swinunetr"}, {"swin net", "swinunetr"},
		{"seg res net", "segresnet"}, {"seg resnet", "segresnet"}, {"segres net", "segresnet"},
		{"vista 3d", "vista3d"}, {"sam 3", "sam3"},
		{"centerline dice", "cldice"}, {"centreline dice", "cldice"}, {"center line dice", "cldice"}, {"cl dice", "cldice"},
		{"normalised surface dice", "nsd"}, {"normalized surface dice", "nsd"}, {"normalised surface distance", "nsd"},
		{"normalized surface distance", "nsd"}, {"surface dice", "nsd"},
		{"hausdorff distance 95", "hd95"}, {"hausdorff 95", "hd95"}, {"95% hausdorff distance", "hd95"}, {"95% hausdorff", "hd95"},
		{"95th percentile hausdorff distance", "hd95"}, {"95th percentile hausdorff", "hd95"}, {"hd 95", "hd95"},
		{"maximum hausdorff distance", "hd"}, {"max hausdorff", "hd"}, {"hausdorff distance", "hd95"},
		{"mean average surface distance", "masd"}, {"average symmetric surface distance", "assd"}, {"average surface distance", "assd"},
		{"dice score", "dice"}, {"dice coefficient", "dice"}, {"dice similarity coefficient", "dice"},
		{"dice similarity", "dice"}, {"dice value", "dice"}, {"dice scores", "dice"},
		{"cross entropy", "ce"}, {"cross validation", "cross-validation"},
		{"how many", "how_many"}, {"how much volumes", "how_many"}, {"how long", "how_long"}, {"how good", "how_good"}, {"how well", "how_well"},
		{"how bad", "how_bad"}, {"how accurate", "how_accurate"}, {"how far", "how_far"}, {"how big", "how_big"}, {"how large", "how_big"},
		{"number of", "how_many"},
		{"pick up", "resume"}, {"carry on", "resume"}, {"go on", "resume"}, {"take up", "resume"}, {"start again", "resume"},
		{"kick off", "kick_off"}, {"get rid of", "delete"}, {"call off", "cancel"}, {"log file", "log"},
		{"bring in", "bring_in"}, {"shut down", "shut_down"}, {"grid search", "grid_search"}, {"random search", "random_search"},
		{"hyperparameter search", "hyperparameter_search"}, {"parameter sweep", "sweep"}, {"greedy soup", "greedy_soup"},
		{"temperature scaling", "temperature_scaling"}, {"prediction sets", "prediction_set"}, {"wall time", "wall_time"},
		{"training time", "training_time"}, {"integrated gradients", "integrated_gradients"}, {"model card", "model_card"},
		{"good morning", "good_morning"}, {"good evening", "good_evening"}, {"see you", "see_you"},
		{"do not", "don't"}, {"does not", "don't"}, {"need not", "don't"}, {"no need to", "don't"}, {"not to", "don't"},
		{"instead of", "instead_of"}, {"rather than", "instead_of"}, {"most recent", "latest"}, {"most recently", "latest"},
		{"data set", "dataset"}, {"data sets", "datasets"}, {"dont", "don't"},
		{"held out", "held-out"}, {"hold out", "holdout"},
		{"take it from there", "resume"},
	}
}

// modelAliases maps how people write a network's name to its name.
func modelAliases() map[string]string {
	return map[string]string{
		"segresnet": "segresnet", "seg-resnet": "segresnet", "segres": "segresnet", "seg-res-net": "segresnet",
		"swinunetr": "swinunetr", "swin": "swinunetr", "swin-unetr": "swinunetr", "swinunet": "swinunetr",
		"vista3d": "vista3d", "vista-3d": "vista3d", "vista": "vista3d",
		"sam3": "sam3", "sam-3": "sam3",
		"dynunet": "dynunet", "nnunet": "dynunet", "unet": "unet", "u-net": "unet", "unetr": "unetr",
		"vesselfm": "vesselfm", "mednext": "mednext", "comma": "comma",
	}
}

// metricAliases maps how people write a metric's name to its name.
func metricAliases() map[string]string {
	return map[string]string{
		"dice": "dice", "dsc": "dice", "overlap": "dice", "dices": "dice",
		"cldice": "cldice", "cl-dice": "cldice", "centerline-dice": "cldice", "connectivity": "cldice", "topology": "cldice",
		"hd95": "hd95", "hausdorff": "hd95", "hd-95": "hd95", "95hd": "hd95", "hd": "hd",
		"nsd": "nsd", "surface-dice": "nsd", "assd": "assd", "asd": "assd", "masd": "masd",
	}
}

// destructive lists the words without which nothing is ever cancelled or
// deleted. A typo is never mended into one of them.
func destructive() []string {
	return []string{
		"cancel", "abort", "halt", "terminate", "interrupt", "stop", "kill", "end",
		"delete", "remove", "erase", "discard", "trash", "purge", "wipe", "destroy", "drop", "throw",
		"shut_down",
	}
}

// starterWords begin a clause of their own after "and" or a comma.
func starterWords() string {
	return `train retrain fit finetune launch start kick_off run evaluate assess benchmark score test judge eval measure compare contrast
	show list display print give tell say report describe inspect plot graph chart draw create make generate build simulate synthesise
	synthesize import ingest load add register split divide partition validate verify check profile resume continue restart cancel
	stop abort kill halt terminate delete remove erase discard purge wipe trash drop tag label mark flag annotate which what how who when why
	is are does did do count rank export deploy serve predict segment calibrate ensemble soup promote diagnose explain summarise
	summarize find fetch get query see let keep wait don't never skip write audit quote try repeat
	download upload open monitor watch track`
}

// slotWords are words that slots look for; they are never names.
func slotWords() string {
	return `epochs epoch steps iterations iters updates learning_rate lr batch_size batch batches patch_size patch patches crop crops window
	loss optimizer optimiser adamw adam sgd precision bf16 bfloat16 float32 fp32 fp16 half mixed gradient_checkpointing patience early_stop
	seed seeds fold folds init_from executor slurm local locally cluster gpu cpu name tag tags tagged called named volumes volume shape
	spacing size test train training val validation held-out heldout holdout hold-out split set layout pairs decathlon test_fraction
	test-fraction fraction metric metrics run runs job jobs model models experiment experiments dataset datasets data latest newest last recent
	best worst highest lowest top failed running queued finished cancelled canceled completed crashed active pending since yesterday today week
	sorted ordered sort order limit ascending descending ce dice_ce dice-ce cldice cbdice evaluation evaluations training trainings
	weight_decay dropout state status logs lines tail seconds hours minutes days voxels micron microns mm um network networks net nets
	warmup flip filters init_filters threads device notify`
}

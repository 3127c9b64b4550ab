package planner

import "strings"

// entry is what the planner can say about a term.
type entry struct {
	term string
	text string
}

// glossary holds short definitions of the field's words.
func glossary() map[string]entry {
	out := map[string]entry{}
	for _, e := range glossaryTable() {
		for name := range strings.SplitSeq(e.term, "|") {
			out[name] = e
		}
	}
	return out
}

func glossaryTable() []entry {
	return []entry{
		{"dice", "Dice is twice the overlap of prediction and label divided by the sum of their sizes: 0 is no overlap, 1 is a perfect match. It says little about thin or broken vessels; look at clDice beside it."},
		{"cldice", "clDice (centreline Dice) is the harmonic mean of two shares: how much of the predicted centreline lies inside the label, and how much of the label's centreline lies inside the prediction. It falls when vessels are broken or falsely joined, which Dice hardly notices."},
		{"hd95", "HD95 is the 95th percentile of the distances between the two surfaces, in the unit of the spacing. Lower is better; 0 is a perfect match."},
		{"hd", "HD, the Hausdorff distance, is the largest distance from one surface to the other. One stray voxel decides it, so HD95 is usually quoted."},
		{"nsd", "NSD (normalised surface Dice) is the share of both surfaces that lies within a tolerance of the other. 1 is best; the tolerance has to be quoted with it."},
		{"assd", "ASSD is the average symmetric surface distance: the mean of all distances from either surface to the other, in the unit of the spacing. Lower is better."},
		{"masd", "MASD is the mean of the two average surface distances, one for each direction, in the unit of the spacing. Lower is better."},
		{"segresnet", "SegResNet is a residual encoder-decoder for 3D segmentation without skip concatenation (Myronenko), as in MONAI. It is small enough to train on a CPU."},
		{"swinunetr", "Swin UNETR is an encoder of shifted-window transformers with a convolutional decoder (Hatamizadeh and others). It needs much more memory than SegResNet."},
		{"segresnetds", "SegResNetDS is SegResNet with deep supervision and levels that follow the voxels' shape, as MONAI's Auto3DSeg uses it."},
		{"dynunet", "DynUNet is a U-Net whose kernels and strides follow the data, in the way of nnU-Net, as in MONAI."},
		{"plainunet", "plainunet is nnU-Net v2's own plain U-Net, so that checkpoints which nnU-Net trained can be loaded."},
		{"unet", "A U-Net is an encoder and a decoder joined by skip connections at every level. The model unet is MONAI's, with strided convolutions and residual units."},
		{"basicunet", "basicunet is a plain U-Net with max pooling (Falk and others), as in MONAI."},
		{"torchscript", "TorchScript is PyTorch's file format for a whole network. The model torchscript trains such a file as it is."},
		{"onnx", "ONNX is a file format for whole networks that ONNX Runtime and many other programs run. model_export writes it."},
		{"safetensors", "safetensors is a file format for bare weights, without any code in it."},
		{"npz", "npz is NumPy's file format for several arrays: here bare weights."},
		{"int8|quantise|quantize", "int8 weights have eight bits instead of 32: a quarter of the size, at some loss that has to be measured."},
		{"fp16", "fp16 weights have 16 bits instead of 32: half the size, with little loss."},
		{"freeze|frozen", "Frozen parameters stay as they are while the others are trained."},
		{"deep_supervision", "With deep supervision coarser levels of the network give an output too, and each is compared with the label."},
		{"finetune|pretrained", "Fine-tuning begins with the weights of another training instead of random ones."},
		{"epoch", "An epoch is one pass over the training volumes; each gives a fixed number of patches."},
		{"fold", "A fold is one of the parts that a dataset is split into, by volume: it is held out for validation while the others train."},
		{"patch", "A patch is the block of voxels that the network sees at once, cut from a volume; its size is given along x, y and z."},
		{"spacing", "The spacing is the distance between neighbouring voxels along x, y and z, with its unit: micrometres for MiniVess."},
		{"split", "A split says which volumes train, validate and test. It is made by volume, never by patch, so that nothing leaks."},
		{"run", "A run is one job with its specification, journal, checkpoints and scores, under a name such as brisk-otter-7f3a."},
		{"seed", "The seed decides the initial weights and every random choice; the same seed and settings give the same training."},
		{"checkpoint", "A checkpoint is a file with the weights and the state of the training at one step: the best and the last are kept."},
		{"learning_rate|lr", "The learning rate is the size of the optimiser's steps. Too high and the loss becomes NaN, too low and nothing happens."},
		{"loss", "The loss is what the training makes small. dice_ce is the sum of the Dice loss and the cross-entropy."},
		{"minivess", "MiniVess is a set of two-photon volumes of mouse brain vessels with labels (Poon and others). It is also the name of this program."},
		{"soup|greedy_soup", "A model soup averages the weights of several trained models of one architecture; the greedy kind adds one only if validation improves."},
		{"early_stop|patience", "With a patience of n, training stops after n validations without a better Dice."},
		{"gradient_checkpointing", "Gradient checkpointing recomputes activations in the backward pass instead of keeping them: less memory, more time."},
	}
}

// chatReply answers talk that needs no tool. It returns "" when it cannot.
func (lex *lexicon) chatReply(intent string, cat *catalogue) string {
	switch intent {
	case intentGreet:
		return "Hello. Say what you want in your own words, for example: " + sampleFor(cat) + "."
	case intentThanks:
		return "You are welcome."
	case intentBye:
		return "Goodbye. Running jobs go on without me; ask for their status when you are back."
	case intentWho:
		return "I am minivess's built-in planner: rules and a lexicon, no network and no language model. I turn sentences into tool calls and answer with numbers from your runs only. " + abilities(cat)
	case intentHelp:
		return abilities(cat)
	case intentNever:
		return "All right, nothing is planned."
	case intentRegistered:
		return "No model is registered: model_register is not available in this version."
	case intentModels:
		return listed("Models of this version", cat.tools["train_launch"].params["model"])
	case intentMetrics:
		return "Metrics: " + strings.Join(lex.metricNames(), ", ") + "."
	}
	return ""
}

// listed names the choices that a schema gives.
func listed(what string, p param) string {
	if names := p.choices(); len(names) > 0 {
		return what + ": " + strings.Join(names, ", ") + "."
	}
	return ""
}

// ability pairs a tool with how to ask for it.
type ability struct{ tool, sample string }

func abilityTable() []ability {
	return []ability{
		{"dataset_create_synthetic", `"make a synthetic dataset called demo with 10 volumes"`},
		{"dataset_import", `"import /data/minivess as minivess"`},
		{"train_launch", `"train a segresnet on demo for 3 epochs"`},
		{"evaluate_run", `"evaluate the latest run on the test split"`},
		{"runs_sql", `"which run has the best clDice?"`},
		{"compare_runs", `"compare brisk-otter and calm-heron"`},
		{"job_status", `"how is the training going?"`},
		{"job_resume", `"resume the latest run"`},
		{"metric_history", `"plot the loss of the latest run"`},
		{"runs_list", `"show me the last 5 runs"`},
	}
}

// abilities lists what can be asked of the tools that are there.
func abilities(cat *catalogue) string {
	var samples []string
	for _, a := range abilityTable() {
		if cat.has(a.tool) {
			samples = append(samples, a.sample)
		}
	}
	samples = samples[:min(len(samples), 6)]
	if len(samples) == 0 {
		return "I make and import datasets, train and evaluate models, and answer questions about runs, but no tools are connected here."
	}
	return "I can, for example: " + strings.Join(samples, ", ") + "."
}

func sampleFor(cat *catalogue) string {
	for _, tool := range []string{"train_launch", "runs_list", "dataset_list"} {
		for _, a := range abilityTable() {
			if a.tool == tool && cat.has(tool) {
				return a.sample
			}
		}
	}
	return `"help"`
}

// outOfScope is the honest answer to what no tool does.
func outOfScope(cat *catalogue) string {
	return "I can't do that here. " + abilities(cat)
}

package planner

import "strings"

// phrase is a group of words that counts as one.
type phrase struct{ words, as string }

// phrases merges fixed groups of words into the single word that the tables
// use.
func phrases() []phrase {
	var out []phrase
	for line := range strings.Lines(phraseTable) {
		as, groups, _ := strings.Cut(strings.TrimSpace(line), " = ")
		for group := range strings.SplitSeq(groups, ", ") {
			out = append(out, phrase{words: group, as: as})
		}
	}
	return out
}

// phraseTable has one word a line with the groups of words that it stands for.
const phraseTable = `show = display
learning_rate = learning rate, learn rate, learning rates
batch_size = mini batch size, batch size, batch sizes
patch_size = patch size, patch sizes, crop size, patches of
gradient_checkpointing = recompute activations, recompute the activations, recomputing activations, recomputing the activations, recomputed activations, gradient checkpointing, activation checkpointing, checkpointing
fit_memory = planned for this machine's memory, planned for this machine, planned for the memory, planned for my machine, plan patch and batch, plan patch size and batch size, plan the patch and batch, plan the patch and the batch, as nnu-net plans, as nnunet plans, the way nnu-net does it, the way nnunet does it, the way nnu-net does, the way nnunet does, like nnu-net does, like nnunet does, as nnu-net does, as nnunet does, planned like nnu-net, planned like nnunet
max_steps = max steps, maximum steps
epochs = max epochs
then = that being done, this being done, that done, this done, with that done, with this done, having done that, having done so, that accomplished, whereupon, after which, upon completion
overwrite = write over, writes over, writing over, written over, wrote over
early_stop = early stopping, stop early, stopping early
test_fraction = test fraction
init_from = as initialisation, as initialization, as init, as initial weights, as starting weights, as the initialisation, as the initialization, as starting point, as the starting point, as a starting point, begin from, begins from, beginning from, starts from, started from, warm start, warm-start, warmstart, warm started, initial weights, initialised by, initialized by, starting point, init from, initialised from, initialized from, initialised with, initialized with, starting from, start from, starting with, begin with, beginning with, warm start from, warm-start from, warm-started from, initialise from, initialize from, with weights from, from the weights of
pretrained = pre-trained, pre trained
feature_size = feature size, features size
deep_supervision = deep supervision, deep-supervision, deeply supervised
batch_norm = batch norm, batch normalisation, batch normalization, batchnorm, batch-norm
instance_norm = instance norm, instance normalisation, instance normalization, instancenorm, instance-norm
group_norm = group norm, group normalisation, group normalization, groupnorm, group-norm
upsample_mode = upsample mode, upsampling mode
num_res_units = residual units, res units
num_heads = num heads, attention heads
drop_rate = drop rate
kernel_size = kernel size
res_block = residual blocks, residual block, res blocks, res block
use_v2 = use v2
head = last layer, final layer, output layer, last layers, final layers, output layers, segmentation head, output block
bf16 = mixed precision, automatic mixed precision
fp32 = full precision, single precision, full-precision, single-precision, 32 bit, 32-bit, float 32, fp 32
fp16 = half precision, half-precision, half floats, float 16, float16, fp 16, 16 bit, 16-bit
int8 = int 8, 8 bit, 8-bit, eight bit, eight-bit
weight_decay = weight decay
finetune = fine tune, fine tuning, fine-tune, fine-tuning, fine-tuned, fine-tunes, fine tuned
swinunetr = swin unetr, swin unet r, swin transformer, swin net
segresnetds = segresnet ds, seg res net ds, seg resnet ds, segresnet-ds
segresnet = seg res net, seg resnet, segres net
dynunet = dyn unet, dynamic unet, dynamic u-net, dyn u-net
nnunet = nnu net, nn unet, nn u-net, nnu-net
plainunet = plain unet, plain u-net, plain conv unet, plainconv unet
basicunet = basic unet, basic u-net
unet = u net
torchscript = torch script
vista3d = vista 3d
sam3 = sam 3
cbdice = centreline boundary dice, centerline boundary dice, centre-line boundary dice, center-line boundary dice, cb dice, cb-dice, centerline-boundary dice, centreline-boundary dice
cldice = centerline dice, centreline dice, center line dice, cl dice
nsd = normalised surface dice, normalized surface dice, normalised surface distance, normalized surface distance, surface dice
hd95 = hausdorff distance 95, hausdorff 95, 95% hausdorff distance, 95% hausdorff, 95th percentile hausdorff distance, 95th percentile hausdorff, hd 95, hausdorff distance
hd = maximum hausdorff distance, max hausdorff
masd = mean average surface distance
assd = average symmetric surface distance, average surface distance
dice = dice score, dice coefficient, dice similarity coefficient, dice similarity, dice value, dice scores
ce = cross entropy, cross-entropy, crossentropy
cross-validation = cross validation
note = write down, note down, jot down, take down
how_many = nr of, no of, nr. of, how many, how much volumes, number of
how_long = how long
how_good = how good
how_well = how well
how_bad = how bad
how_accurate = how accurate
how_far = how far
how_big = how big, how large
resume = pick up, carry on, go on, take up, start again, take it from there
kick_off = kick off
delete = get rid of
delete = go for good
delete = gone for good
delete = go into the bin
delete = go in the bin
cancel = call off
log = log file
traceback = stack trace, stacktrace, call stack
bring_in = bring in
shut_down = shut down
grid_search = grid search
random_search = random search
spin = a go on, a go with, a go at
hyperparameter_search = hyperparameter search
sweep = parameter sweep
greedy_soup = greedy soup
temperature_scaling = temperature scaling, temperature scale, temperature-scale, temperature-scaled, temperature-scaling
prediction_set = prediction sets
wall_time = wall time
training_time = training time
psi = population stability index, population-stability index
ks = kolmogorov smirnov, kolmogorov-smirnov, kolmogorov–smirnov, k-s
js = jensen shannon, jensen-shannon, jensen–shannon
wasserstein = earth mover's, earth mover, earth-mover
integrated_gradients = integrated gradients
model_card = model card
good_morning = good morning
good_evening = good evening
see_you = see you
doesn't = does not
don't = do not, must not, should not, may not, can not, would not, will not, mustn't, shouldn't, won't, wouldn't, needn't, need not, no need to, not to, dont
then = in the morning, at the end, in the end, later on, when finished, when done, when ready, once done, once finished, once ready, once complete
instead_of = instead of, rather than
latest = most recent, most recently
dataset = data set
datasets = data sets, image sets, data collections
dataset = image set, data collection
sgd = stochastic gradient descent
init_filters = initial filters, start filters, starting filters, base filters, initial feature maps, first filters, initial channels
consecutive = in a row, in succession, on end
stddev = standard deviation, std dev, standard deviations, std
held-out = held out
holdout = hold out`

// modelAliases maps how people write a network's name to its name.
func modelAliases() map[string]string {
	return map[string]string{
		"segresnet": "segresnet", "seg-resnet": "segresnet", "segres": "segresnet", "seg-res-net": "segresnet",
		"swinunetr": "swinunetr", "swin": "swinunetr", "swin-unetr": "swinunetr", "swinunet": "swinunetr",
		"vista3d": "vista3d", "vista-3d": "vista3d", "vista": "vista3d",
		"sam3": "sam3", "sam-3": "sam3",
		"segresnetds": "segresnetds", "segresnet-ds": "segresnetds", "torchscript": "torchscript",
		"dynunet": "dynunet", "dyn-unet": "dynunet", "nnunet": "dynunet", "nn-unet": "dynunet", "unet": "unet", "u-net": "unet", "unetr": "unetr",
		"plainunet": "plainunet", "plain-unet": "plainunet", "plainconvunet": "plainunet", "basicunet": "basicunet", "basic-unet": "basicunet",
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
		"shut_down", "desist", "cease",
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
	download upload open monitor watch track save convert apply overwrite host expose combine merge bundle tune optimise optimize draft trace shut_down`
}

// slotWords are words that slots look for; they are never names.
func slotWords() string {
	return `epochs epoch steps iterations iters updates learning_rate lr batch_size batch batches patch_size patch patches crop crops window
	loss optimizer optimiser adamw adam sgd precision bf16 bfloat16 float32 fp32 fp16 half mixed gradient_checkpointing fit_memory patience early_stop
	seed seeds fold folds init_from executor slurm local locally cluster gpu cpu name tag tags tagged called named volumes volume shape
	spacing size test train training val validation held-out heldout holdout hold-out split set layout pairs decathlon test_fraction
	test-fraction fraction metric metrics run runs job jobs model models experiment experiments dataset datasets data latest newest last recent
	best worst highest lowest top failed running queued finished cancelled canceled completed crashed active pending since yesterday today week
	sorted ordered sort order limit ascending descending ce dice_ce dice-ce cldice cbdice evaluation evaluations training trainings
	weight_decay dropout state status logs lines tail seconds hours minutes days voxels micron microns mm um network networks net nets
	warmup flip filters init_filters threads device notify freeze frozen freezing encoder decoder backbone head layer layers weights
	weight pretrained checkpoint checkpoints bundle features feature level levels stage stages fresh keep keeping leave leaving overwrite
	overwriting replace swap switch onnx safetensors npz numpy int8 quantised quantized zscore z-score percentile normalisation normalization same
	adapt tailor quarter quarters thirds fifths window windows probabilities probability config swinvit transformer architecture architectures`
}

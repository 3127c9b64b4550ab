package planner

// commonWords are everyday words: they are no names and no typos of the words
// that the tables know.
func commonWords() string {
	return `a an the this that these those it its he she they them their there here i me my mine we us our ours you your yours one ones
	and or but so if then else than as at by for from in into of off on onto out over per to up upon with within without about above across
	after again against along also although always am any anyone anything anyway around back bad be because been before behind being below bother broke charge trouble
	between both can could come comes coming day days did different do does doing done down each either enough even ever every everyone
	everything exactly example fact far fast few fine first for found free full further get gets getting go goes going gone good got great
	had half hand happen happened has have having high higher hour hours how however idea important instead into is isn't just keep kind know
	known large larger last later least left less let lets like likely little long longer look looks lot lots low lower main make makes many
	matter may maybe mean means might mind minute minutes month months more morning most much must name names near need needed needs neither
	never new next nice no nobody none nor normal not nothing now number numbers often oh ok okay old once only open order other others
	otherwise own part perhaps person place please point possible present probably problem put quick quickly quite rather ready real really
	reason rest right rough roughly same say second see seem seems set several shall should show side simple simply since small so some
	someone something sometimes soon sort start still stuff such sure take takes than thank thanks thing things think third though thought
	through time times today together tomorrow tonight too took toward tried tries true try trying turn two under unless until use used
	useful user uses using usual usually very want wanted wants was way ways week weeks well went were what whatever when whenever where
	whether which while who whole whom whose why wide will wish with word words work worked working works world would wouldn't year years yes
	yesterday yet finally afterwards afterward additionally plus too also kindly quickly hey hello hi whatever anymore already actually
	basically currently recently lately nearly almost exactly approximately tell told ask asked question answer answers happy hope help helps
	love hate easy hard hardest easiest difficult interesting bring brings brought bigger biggest smaller smallest longest shortest best
	better worse worst highest lowest top bottom average mean median maximum minimum total amount result results value values table list
	thinking weather pizza coffee lunch dinner joke story poem song music movie book email mail letter news money price stock market president
	capital country city france germany paris london computer code python program write wrote read reading writing cook recipe flight hotel
	buy sell pay car bus train's sleep eat drink food water dog cat bird house home street school game play sport football rain sun snow
	trail trait brain drain grain strain main gain pain plain remain certain captain bargain order ordered deliver delivery send sent
	image images scan scans case cases patient patients label labels labelled file files folder folders directory image mask masks vessel
	vessels brain tissue microscope microscopy two-photon synthetic artificial tiny small big fresh quick little short brief entire
	done finished ended complete ready successful successfully succeed fail fails failing crash crashes error errors wrong broken
	memory disk machine laptop card hours overnight scratch mode step progress info information details detail side sidebyside
	cohort everything whichever whichever's version available offline online thanks goodness metre meter length width depth height
	while during until till onto via upon versus vs etc ie eg per-volume alright right fairly pretty really bit
	january february march april june july august september october november december
	forgot forgotten wondering unsure remembered structure structured organised organisation convention style replaced overwritten distinct unique
	double doubled halve halved triple tripled quadruple tenfold twofold fewer increase decrease reduce lower raise
	plane planes lateral laterally axial axially slice slices improve improves improved improvement improving stall stalls plateau plateaus
	consecutive successive row succession 	background foreground meantime moment evening weekend parallel sequence gpu cpu laptop server cloud depth detail general particular principle case loop again twice once round rounds wait waiting him her his hers someone's fun true false maybe yeah yep nope nah sure
	default defaults standard usual parameters settings options option parameter setting value configuration config
	divided partitioned organised distributed judged ignored disregarded omitted excluded masked neglected considered counted scored counts ignoring reviewed rejected accepted approved submitted published superseded
	percentage fraction share proportion percent tally breakdown gigabyte gigabytes megabyte megabytes storage space spend spent burned burnt compute computing
	counted altogether apart disagree differ differs often frequently frequency per-run summed hardware gb mb
	i.e e.g course derive maximal minimal respectively each namely
	vessels network pipeline workflow experiment study paper thesis lab team colleague supervisor reviewer figure meant`
}

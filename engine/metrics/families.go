package metrics

// The families of metrics, by what they look at.
const (
	FamilyOverlap    = "overlap"
	FamilyBoundary   = "boundary"
	FamilyCentreline = "centreline"
	FamilyTopology   = "topology"
	FamilyInstance   = "instance"
)

// Families lists the families, in the order in which they are explained.
func Families() []string {
	return []string{FamilyOverlap, FamilyBoundary, FamilyCentreline, FamilyTopology, FamilyInstance}
}

// Family lists the metrics of a family, under whichever definition has them, or
// nil for an unknown one.
func Family(name string) []string {
	switch name {
	case FamilyOverlap:
		return []string{Dice, IoU, Precision, Recall, VolumeSimilarity, FBeta}
	case FamilyBoundary:
		return []string{HD95, HD, NSD, NSDSubvoxel, ASSD, MASD, BoundaryIoU}
	case FamilyCentreline:
		return []string{ClDice, SkeletonRecall, SkeletonPrecision, RadiusError}
	case FamilyTopology:
		return []string{Betti0Error, Betti1Error, Betti2Error, EulerError}
	case FamilyInstance:
		return []string{LesionPrecision, LesionRecall, LesionF1, PanopticQuality}
	default:
		return nil
	}
}

// Has tells whether a definition has a metric, percentiles of the border
// distances included.
func Has(definition, metric string) bool { return has(definition, metric) }

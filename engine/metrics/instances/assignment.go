package instances

import (
	"math"
	"slices"
)

// optimal keeps the one-to-one pairs with the greatest sum of IoUs. Pieces
// that no chain of candidates connects are assigned apart from each other,
// which keeps the matrices small.
func optimal(pairs []Pair, threshold float64) []Pair {
	pairs = slices.DeleteFunc(pairs, func(p Pair) bool { return p.IoU < threshold })
	kept := make([]Pair, 0, len(pairs))
	for _, group := range chains(pairs) {
		if len(group) == 1 {
			kept = append(kept, group[0])
			continue
		}
		kept = append(kept, assign(group)...)
	}
	slices.SortFunc(kept, byPiece)
	return kept
}

// chains parts pairs into groups that have no piece in common.
func chains(pairs []Pair) [][]Pair {
	parent := make([]int, len(pairs))
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	lastRef, lastPred := map[int]int{}, map[int]int{}
	for i, p := range pairs {
		parent[i] = i
		if j, ok := lastRef[p.Reference]; ok {
			parent[find(i)] = find(j)
		}
		if j, ok := lastPred[p.Prediction]; ok {
			parent[find(i)] = find(j)
		}
		lastRef[p.Reference], lastPred[p.Prediction] = i, i
	}
	place := map[int]int{}
	var groups [][]Pair
	for i, p := range pairs {
		root := find(i)
		at, ok := place[root]
		if !ok {
			at = len(groups)
			place[root] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], p)
	}
	return groups
}

// assign solves one group by the Hungarian method with shortest augmenting
// paths (Jonker and Volgenant 1987): a pair costs its IoU less than none, and a
// piece may stay without one.
func assign(group []Pair) []Pair {
	rowOf, columnOf := map[int]int{}, map[int]int{}
	for _, p := range group {
		if _, ok := rowOf[p.Reference]; !ok {
			rowOf[p.Reference] = len(rowOf)
		}
		if _, ok := columnOf[p.Prediction]; !ok {
			columnOf[p.Prediction] = len(columnOf)
		}
	}
	rows := len(rowOf)
	columns := len(columnOf) + rows // a column for each row that stays alone
	costs := make([]float64, rows*columns)
	at := make([]int, rows*columns) // which pair, from 1
	for i, p := range group {
		k := rowOf[p.Reference]*columns + columnOf[p.Prediction]
		costs[k], at[k] = -p.IoU, i+1
	}
	var kept []Pair
	for column, row := range cheapest(costs, rows, columns) {
		if row < 0 {
			continue
		}
		if i := at[row*columns+column]; i > 0 {
			kept = append(kept, group[i-1])
		}
	}
	return kept
}

// cheapest assigns each row a column of its own so that the sum of costs is the
// least, and returns each column's row or −1. There are at least as many
// columns as rows.
func cheapest(costs []float64, rows, columns int) []int {
	rowPrice, columnPrice := make([]float64, rows), make([]float64, columns)
	owner := make([]int, columns)
	for j := range owner {
		owner[j] = -1
	}
	distance, from, done := make([]float64, columns), make([]int, columns), make([]bool, columns)
	for start := range rows {
		for j := range columns {
			distance[j], from[j], done[j] = math.Inf(1), -1, false
		}
		row, via, reached, length := start, -1, -1, 0.0
		for {
			next := -1
			for j := range columns {
				if done[j] {
					continue
				}
				if d := length + costs[row*columns+j] - rowPrice[row] - columnPrice[j]; d < distance[j] {
					distance[j], from[j] = d, via
				}
				if next < 0 || distance[j] < distance[next] {
					next = j
				}
			}
			length, done[next] = distance[next], true
			if owner[next] < 0 {
				reached = next
				break
			}
			via, row = next, owner[next]
		}
		rowPrice[start] += length
		for j := range columns {
			if done[j] && j != reached {
				rowPrice[owner[j]] += length - distance[j]
				columnPrice[j] -= length - distance[j]
			}
		}
		for j := reached; ; {
			via := from[j]
			if via < 0 {
				owner[j] = start
				break
			}
			owner[j] = owner[via]
			j = via
		}
	}
	return owner
}

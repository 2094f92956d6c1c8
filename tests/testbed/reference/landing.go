// Counts where the pods of a load landed, and prints the one line of result.
package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
)

// fullest is how many of the fullest nodes the result names: enough to see
// whether the load was packed on a few.
const fullest = 5

// landing is what has been bound so far.
type landing struct {
	want, bound, onWarm int
	perNode             map[string]int
	warm                map[string]bool
	start, last         time.Time
}

func newLanding(l load) *landing {
	landed := &landing{want: l.pods, perNode: map[string]int{}, warm: map[string]bool{}, start: time.Now()}
	for i := range l.nodes {
		if l.isWarm(i) {
			landed.warm[nodeName(i)] = true
		}
	}
	landed.last = landed.start
	return landed
}

// add counts one bound pod of the load and says whether it was the last.
func (landed *landing) add(pod *v1.Pod) bool {
	if !strings.HasPrefix(pod.Name, stepPrefix) {
		return false
	}
	landed.bound++
	landed.last = time.Now()
	landed.perNode[pod.Spec.NodeName]++
	if landed.warm[pod.Spec.NodeName] {
		landed.onWarm++
	}
	return landed.bound == landed.want
}

func (landed *landing) print(label string, l load) {
	counts := []int{}
	for _, count := range landed.perNode {
		counts = append(counts, -count)
	}
	slices.Sort(counts)
	for i := range counts {
		counts[i] = -counts[i]
	}
	took := landed.last.Sub(landed.start).Seconds()
	fmt.Printf("%-22s nodes %d pods %d bound %d in %.2f s = %.0f pods/s; on warm nodes %d (%.1f %%); nodes used %d, fullest %v\n",
		label, l.nodes, l.pods, landed.bound, took, float64(landed.bound)/max(took, 1e-9),
		landed.onWarm, 100*float64(landed.onWarm)/float64(max(landed.bound, 1)),
		len(counts), counts[:min(fullest, len(counts))])
}

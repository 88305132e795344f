package tui

import (
	"math"
	"strings"
)

// heatText draws how much there was over time in a line of bars, by the
// logarithm: a screen of text must not hide a line of it. A dot is nothing.
func heatText(heat []int64, cols int) string {
	if len(heat) == 0 || cols < 1 {
		return ""
	}
	sums := make([]int64, cols)
	var most int64
	for c := range sums {
		from := c * len(heat) / cols
		for _, n := range heat[from:max((c+1)*len(heat)/cols, from+1)] {
			sums[c] += n
		}
		most = max(most, sums[c])
	}
	var b strings.Builder
	for _, n := range sums {
		b.WriteRune(heatBar(n, most))
	}
	return b.String()
}

// heatBar is n of most.
func heatBar(n, most int64) rune {
	if n <= 0 {
		return '·'
	}
	i := int(math.Log1p(float64(n)) / math.Log1p(float64(most)) * float64(len(heatBars)))
	return heatBars[min(i, len(heatBars)-1)]
}

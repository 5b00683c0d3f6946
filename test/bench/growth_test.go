package bench

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
)

// The figure of growth: both axes are logarithmic, so that what grows in proportion to the number
// of routes is a line at 45 degrees.
const (
	width, height = 640, 400
	left, right   = 70, 20
	top, bottom   = 30, 50
)

type series struct {
	name, color string
	// of is the value for a number of routes.
	of     func(routes int) (float64, bool)
	points []point
}

type point struct{ routes, value float64 }

func drawGrowth(file string) error {
	curves := []*series{
		{name: "resolve everything (milliseconds of one processor)", color: "#2563eb", of: func(n int) (float64, bool) {
			v, ok := of(fmt.Sprintf("Resolve/routes=%d", n), "cpu-ns/op")
			return v / millisecond, ok
		}},
		{name: "kept by snapshot and resolution (MiB)", color: "#b45309", of: func(n int) (float64, bool) {
			a, ok := of(fmt.Sprintf("Memory/routes=%d", n), "snapshot-MiB")
			b, too := of(fmt.Sprintf("Memory/routes=%d", n), "resolution-MiB")
			return a + b, ok && too
		}},
	}
	low, high := math.Inf(1), 0.0
	for _, c := range curves {
		for _, n := range allSizes {
			v, measured := c.of(n)
			if !measured {
				return errors.New("the figure of growth needs -bench 'Resolve$|Memory' without -short")
			}
			c.points = append(c.points, point{float64(n), v})
			low, high = min(low, v), max(high, v)
		}
	}
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	return os.WriteFile(file, []byte(svg(curves, low, high)), 0o600)
}

func svg(curves []*series, low, high float64) string {
	first, last := float64(allSizes[0]), float64(allSizes[len(allSizes)-1])
	share := func(v, from, to float64) float64 {
		return (math.Log(v) - math.Log(from)) / (math.Log(to) - math.Log(from))
	}
	x := func(n float64) float64 { return left + share(n, first, last)*(width-left-right) }
	y := func(v float64) float64 { return height - bottom - share(v, low, high)*(height-top-bottom) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for v := low; v <= high*1.01; v *= 10 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#e5e7eb"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", left, y(v), width-right, left-8, y(v)+4, v)
	}
	for _, n := range allSizes {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(float64(n)), height-bottom+20, n)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">routes</text>`+"\n", (width+left-right)/2, height-12)
	for i, c := range curves {
		var path strings.Builder
		for j, p := range c.points {
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(j, 1)], x(p.routes), y(p.value))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x(p.routes), y(p.value), c.color)
		}
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", &path, c.color)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", left+12, top+8+18*i, c.color, c.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

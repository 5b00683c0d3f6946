package main

import "testing"

func TestTheMemoryLimitOfAContainer(t *testing.T) {
	for text, want := range map[string]int64{
		"536870912\n":           483183819,
		"max\n":                 0,
		"9223372036854771712\n": 0,
		"":                      0,
	} {
		if got, limited := memoryLimit(text); got != want || limited != (want > 0) {
			t.Errorf("%q gives %d, %v", text, got, limited)
		}
	}
}

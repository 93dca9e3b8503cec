// Prints the rows of internal/strconv's own tests. See own/fmt.
package strconv_test

import (
	"fmt"
	. "internal/strconv"
	"math"
	"os"
	"testing"
)

func TestDump(t *testing.T) {
	var rows []any
	for _, test := range ftoatests {
		for bits, f := range map[int]float64{64: test.f, 32: float64(float32(test.f))} {
			rows = append(rows, map[string]any{
				"bits": fmt.Sprint(math.Float64bits(f)), "kind": bits, "format": string(test.fmt), "precision": test.prec,
				"expected": FormatFloat(f, test.fmt, test.prec, bits),
			})
		}
	}
	parsed := func(in string) {
		expected := map[string]any{}
		if f, err := ParseFloat(in, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			expected["float"] = fmt.Sprint(math.Float64bits(f))
		}
		if n, err := ParseInt(in, 0, 64); err == nil {
			expected["int"] = fmt.Sprint(n)
		}
		if n, err := ParseUint(in, 0, 64); err == nil {
			expected["uint"] = fmt.Sprint(n)
		}
		rows = append(rows, map[string]any{"in": Text(in), "expected": expected})
	}
	for _, test := range atoftests {
		parsed(test.in)
	}
	for _, test := range atof32tests {
		parsed(test.in)
	}
	for _, test := range parseUint64BaseTests {
		parsed(test.in)
	}
	for _, test := range parseInt64BaseTests {
		parsed(test.in)
	}
	must(os.WriteFile(os.Getenv("AIRLOCK_ROWS"), []byte(Lines(rows)), 0o644))
}

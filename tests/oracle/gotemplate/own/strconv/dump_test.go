// Prints the rows of strconv's own tests of quoting. See own/fmt.
package strconv_test

import (
	"os"
	. "strconv"
	"testing"
)

func TestDump(t *testing.T) {
	var rows []any
	quoted := func(in string) {
		rows = append(rows, map[string]any{"in": Text(in), "expected": map[string]any{
			"quote": Text(Quote(in)), "ascii": Text(QuoteToASCII(in)), "raw": CanBackquote(in),
		}})
	}
	unquoted := func(in string) {
		expected := map[string]any{}
		if out, err := Unquote(in); err == nil {
			expected["unquote"] = Text(out)
		} else {
			expected["error"] = err.Error()
		}
		rows = append(rows, map[string]any{"in": Text(in), "expected": expected})
	}
	for _, test := range quotetests {
		quoted(test.in)
		unquoted(test.out)
	}
	for _, test := range canbackquotetests {
		quoted(test.in)
	}
	for _, test := range unquotetests {
		unquoted(test.in)
	}
	for _, test := range misquoted {
		unquoted(test)
	}
	for _, test := range quoterunetests {
		rows = append(rows, map[string]any{"rune": test.in, "expected": map[string]any{
			"quote": QuoteRune(test.in), "ascii": QuoteRuneToASCII(test.in),
		}})
	}
	must(os.WriteFile(os.Getenv("AIRLOCK_ROWS"), []byte(Lines(rows)), 0o644))
}

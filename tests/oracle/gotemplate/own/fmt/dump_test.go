// Prints the rows of fmt's own tests whose operands the engine can hold. The test lays this file over Go's sources,
// beside value.go under the same package, and so nothing of Go's tables is kept here.
package fmt_test

import (
	. "fmt"
	"os"
	"testing"
)

func TestDump(t *testing.T) {
	var rows []any
	add := func(format string, args []any) {
		row := map[string]any{"format": Text(format)}
		operands := []any{}
		for _, arg := range args {
			operand, ok := Encode(arg)
			if !ok {
				return
			}
			operands = append(operands, operand)
		}
		row["args"] = operands
		row["expected"] = Text(Sprintf(format, args...))
		rows = append(rows, row)
	}
	for _, test := range fmtTests {
		add(test.fmt, []any{test.val})
	}
	for _, test := range reorderTests {
		add(test.fmt, test.val)
	}
	for _, test := range startests {
		add(test.fmt, test.in)
	}
	must(os.WriteFile(os.Getenv("AIRLOCK_ROWS"), []byte(Lines(rows)), 0o644))
}

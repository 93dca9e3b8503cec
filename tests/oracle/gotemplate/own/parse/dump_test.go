// Prints the rows of text/template/parse's own tests, and what the parser says of each. See own/fmt.
package parse

import (
	"os"
	"testing"
)

func TestDump(t *testing.T) {
	// The tests lower it so that they need not write ten thousand parentheses.
	maxStackDepth = 10000
	var rows []any
	add := func(input string) {
		row := map[string]any{"text": Text(input)}
		tree, err := New("t").Parse(input, "", "", map[string]*Tree{}, builtins, map[string]any{"print": 0})
		if err != nil {
			row["expected"] = map[string]any{"error": Text(err.Error())}
		} else {
			row["expected"] = map[string]any{"source": Text(tree.Root.String())}
		}
		rows = append(rows, row)
	}
	for _, test := range parseTests {
		add(test.input)
	}
	for _, test := range errorTests {
		add(test.input)
	}
	for _, test := range isEmptyTests {
		add(test.input)
	}
	for _, test := range lexTests {
		add(test.input)
		// Most are no templates; a number or a word in an action is nearer to one.
		add("{{" + test.input + "}}")
	}
	for _, test := range numberTests {
		add("{{print " + test.text + "}}")
	}
	must(os.WriteFile(os.Getenv("AIRLOCK_ROWS"), []byte(Lines(rows)), 0o644))
}

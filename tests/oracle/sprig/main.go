// Prints what the originals make of inputs of ours: one JSON array a line, which the tests of Airlock read. A suite is printed
// by `TZ=UTC go run . SUITE > ../../data/sprig/SUITE.jsonl`; all but `crypto` are the same each time.
package main

import (
	"bufio"
	"encoding/json"
	"os"
)

var out = bufio.NewWriter(os.Stdout)

func main() {
	defer out.Flush()
	suites := map[string]func(){"tables": tables, "semver": semverRows, "regexp": regexpRows, "functions": functionRows, "crypto": cryptoRows, "helm": helmRows, "names": nameRows, "random": randomRows}
	if len(os.Args) < 2 || suites[os.Args[1]] == nil {
		panic("which suite?")
	}
	suites[os.Args[1]]()
}

// row prints one row: what was asked, then what the original says.
func row(cells ...any) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(cells); err != nil {
		panic(err)
	}
}

// outcome is a value, or the text of the error in its place.
func outcome(value any, err error) any {
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	return value
}

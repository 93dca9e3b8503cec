// Prints what github.com/distribution/reference makes of each line of its input, as JSON lines: the table that
// tests/it/oci.rs holds our own reading against.
//
//	go run . < ../../data/oci/references.txt > ../../data/oci/references.jsonl
package main

import (
	"bufio"
	_ "crypto/sha256" // the only algorithm that Airlock has
	"encoding/json"
	"log"
	"os"

	"github.com/distribution/reference"
)

type row struct {
	Input    string `json:"input"`
	Error    string `json:"error,omitempty"`
	Domain   string `json:"domain,omitempty"`
	Path     string `json:"path,omitempty"`
	Tag      string `json:"tag,omitempty"`
	Digest   string `json:"digest,omitempty"`
	Full     string `json:"full,omitempty"`
	Familiar string `json:"familiar,omitempty"`
}

func read(input string) row {
	named, err := reference.ParseNormalizedNamed(input)
	if err != nil {
		return row{Input: input, Error: err.Error()}
	}
	named = reference.TagNameOnly(named)
	it := row{
		Input:    input,
		Domain:   reference.Domain(named),
		Path:     reference.Path(named),
		Full:     named.String(),
		Familiar: reference.FamiliarString(named),
	}
	if tagged, ok := named.(reference.Tagged); ok {
		it.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		it.Digest = digested.Digest().String()
	}
	return it
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		// One line is one JSON string, so that any character can stand in it.
		var input string
		if err := json.Unmarshal(lines.Bytes(), &input); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(read(input)); err != nil {
			log.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

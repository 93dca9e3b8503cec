// The oracle of the `yaml` module: what sigs.k8s.io/yaml, go-yaml v2 and v3, encoding/json and kyaml make of our
// inputs.
//
//	oracle STAGE < inputs > expected
//	oracle corpus DIR > expected
//	oracle bench WHAT FILE
//
// The inputs of a stage are a JSON array; the output is one with a line for each of them.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

type object = map[string]any

// stages judge one input each.
var stages = map[string]func(any) any{
	"write":   write,
	"resolve": resolve,
	"rewrite": rewrite,
	"json":    fromJSON,
}

func main() {
	// Instants without a zone are UTC to everybody.
	time.Local = time.UTC
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 3 && args[0] == "bench" {
		return bench(args[1], args[2])
	}
	if len(args) == 2 && args[0] == "corpus" {
		return corpus(args[1], os.Stdout)
	}
	if len(args) != 1 {
		return fmt.Errorf("usage: oracle STAGE < inputs > expected")
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	inputs, err := read(text)
	if err != nil {
		return err
	}
	var results []any
	if args[0] == "natural" {
		results = natural(inputs)
	} else if judge, ok := stages[args[0]]; ok {
		for _, input := range inputs {
			results = append(results, judge(input))
		}
	} else {
		return fmt.Errorf("no stage %q", args[0])
	}
	return print(os.Stdout, results)
}

// read keeps the kinds of numbers: digits alone are an integer.
func read(text []byte) ([]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var inputs []any
	if err := decoder.Decode(&inputs); err != nil {
		return nil, err
	}
	for i := range inputs {
		inputs[i] = typed(inputs[i])
	}
	return inputs, nil
}

func typed(value any) any {
	switch value := value.(type) {
	case json.Number:
		if integer, err := value.Int64(); err == nil {
			return int(integer)
		}
		var unsigned uint64
		if err := json.Unmarshal([]byte(value), &unsigned); err == nil {
			return unsigned
		}
		float, err := value.Float64()
		if err != nil {
			panic(err)
		}
		return float
	case []any:
		for i := range value {
			value[i] = typed(value[i])
		}
	case object:
		for key := range value {
			value[key] = typed(value[key])
		}
	}
	return value
}

// print writes a line for each result, so that a change of one is a change of one line.
func print(out io.Writer, results []any) error {
	var text bytes.Buffer
	text.WriteString("[\n")
	for i, result := range results {
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(result); err != nil {
			return err
		}
		if i+1 < len(results) {
			text.Truncate(text.Len() - 1)
			text.WriteString(",\n")
		}
	}
	text.WriteString("]\n")
	_, err := out.Write(text.Bytes())
	return err
}

// text is what was printed, or the error after a mark that no output begins with.
func text(out []byte, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return string(out)
}

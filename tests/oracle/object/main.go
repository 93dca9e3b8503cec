// The oracle of the `object` stage: what cli-utils, fluxcd/pkg and client-go make of our inputs.
//
//	go run . <stage> < inputs > expected
//
// Stages that judge inputs: id, order, list, health, normalize, quantity, optout, stage.
// Stages that print tables (no input): types, scope.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

type object = map[string]any

var stages = map[string]func([]byte) (any, error){
	"id":        ids,
	"order":     order,
	"stage":     stage,
	"list":      list,
	"health":    health,
	"normalize": normalized,
	"quantity":  quantities,
	"optout":    optouts,
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: go run . <stage> < inputs > expected")
	}
	switch os.Args[1] {
	case "types":
		return shapesOf(os.Stdout)
	case "scope":
		return scope(os.Stdout)
	}
	judge, ok := stages[os.Args[1]]
	if !ok {
		return fmt.Errorf("no stage %q", os.Args[1])
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	expected, err := judge(input)
	if err != nil {
		return err
	}
	return print(os.Stdout, expected)
}

// print writes one line for each key of an object, so that a change of one row is a change of one line.
func print(out io.Writer, value any) error {
	rows, ok := value.([]row)
	if !ok {
		return fmt.Errorf("not rows: %T", value)
	}
	var text bytes.Buffer
	text.WriteString("{\n")
	for i, row := range rows {
		name, err := encode(row.name)
		if err != nil {
			return err
		}
		result, err := encode(row.result)
		if err != nil {
			return err
		}
		text.Write(name)
		text.WriteString(": ")
		text.Write(result)
		if i+1 < len(rows) {
			text.WriteString(",")
		}
		text.WriteString("\n")
	}
	text.WriteString("}\n")
	_, err := out.Write(text.Bytes())
	return err
}

func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSpace(text.Bytes()), err
}

type row struct {
	name   string
	result any
}

// read parses a document as the API machinery does: whole numbers are int64.
func read(input []byte) (object, error) {
	text, err := yaml.YAMLToJSONStrict(input)
	if err != nil {
		return nil, err
	}
	document := object{}
	return document, kjson.Unmarshal(text, &document)
}

// merge applies a JSON merge patch; the text `<null>` stands for a null that stays.
func merge(base, patch any) any {
	changes, ok := patch.(object)
	if !ok {
		return settle(patch)
	}
	merged := object{}
	if fields, ok := base.(object); ok {
		for key, value := range fields {
			merged[key] = settle(value)
		}
	}
	for key, change := range changes {
		if change == nil {
			delete(merged, key)
		} else {
			merged[key] = merge(merged[key], change)
		}
	}
	return merged
}

func settle(value any) any {
	switch value := value.(type) {
	case string:
		if value == "<null>" {
			return nil
		}
		return value
	case object:
		copied := object{}
		for key, field := range value {
			copied[key] = settle(field)
		}
		return copied
	case []any:
		copied := []any{}
		for _, item := range value {
			copied = append(copied, settle(item))
		}
		return copied
	}
	return value
}

func unstructuredOf(value any) *unstructured.Unstructured {
	fields, _ := value.(object)
	return &unstructured.Unstructured{Object: fields}
}

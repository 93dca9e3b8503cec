package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	yaml2 "go.yaml.in/yaml/v2"
	yaml3 "go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// write prints a value in all four ways: go-yaml v2, v3 as Helm's toYamlPretty has it, sigs.k8s.io/yaml through JSON,
// and JSON. An input that is only bytes as far as Go is concerned is given as {"$bytes": [1, 2, 3]}.
func write(value any) any {
	value = withBytes(value)
	v2, err := yaml2.Marshal(value)
	result := object{"v2": text(v2, err)}
	var pretty bytes.Buffer
	encoder := yaml3.NewEncoder(&pretty)
	encoder.SetIndent(2)
	err = encoder.Encode(value)
	result["v3"] = text(pretty.Bytes(), err)
	sigs, err := yaml.Marshal(value)
	result["sigs"] = text(sigs, err)
	encoded, err := json.Marshal(value)
	result["json"] = text(encoded, err)
	return result
}

func withBytes(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = withBytes(value[i])
		}
	case object:
		if list, ok := value["$bytes"].([]any); ok {
			var bytes []byte
			for _, item := range list {
				bytes = append(bytes, byte(item.(int)))
			}
			return string(bytes)
		}
		for key := range value {
			value[key] = withBytes(value[key])
		}
	}
	return value
}

var tags = []string{"", "!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp", "!!binary", "!!merge", "!other"}

// resolve gives a text its meaning under both versions, once for each explicit tag; the first has none and is plain.
// v2 takes no node, so it reads a document; texts that do not stand plain in one are asked of it only with a tag.
func resolve(input any) any {
	value := input.(string)
	result := object{}
	for _, tag := range tags {
		node := yaml3.Node{Kind: yaml3.ScalarNode, Value: value, Tag: tag}
		var meaning any
		err := node.Decode(&meaning)
		result["v3 "+tag] = meant(tag, meaning, err)
		quoted, _ := json.Marshal(value)
		if tag == "" {
			if !plain(value) {
				continue
			}
			quoted = []byte(value)
		}
		var document map[string]any
		err = yaml2.Unmarshal([]byte("k: "+tag+" "+string(quoted)+"\n"), &document)
		result["v2 "+tag] = meant(tag, document["k"], err)
	}
	return result
}

// plain says that go-yaml reads the text back as one plain scalar.
func plain(value string) bool {
	var node yaml3.Node
	err := yaml3.Unmarshal([]byte("k: "+value+"\n"), &node)
	if err != nil || len(node.Content) != 1 || len(node.Content[0].Content) != 2 {
		return false
	}
	scalar := node.Content[0].Content[1]
	return scalar.Kind == yaml3.ScalarNode && scalar.Style == 0 && scalar.Value == value
}

// meant is the meaning in a word or two.
func meant(tag string, value any, err error) string {
	if err != nil {
		return "error: " + strings.TrimPrefix(err.Error(), "yaml: ")
	}
	switch value := value.(type) {
	case nil:
		return "null"
	case bool:
		return "bool " + strconv.FormatBool(value)
	case int, int64, uint64:
		return fmt.Sprintf("int %d", value)
	case float64:
		if math.IsNaN(value) {
			return "float NaN"
		}
		return "float " + strconv.FormatFloat(value, 'e', -1, 64)
	case time.Time:
		encoded, err := json.Marshal(value)
		if err != nil {
			return "error: " + err.Error()
		}
		return "timestamp " + string(encoded)
	case string:
		if tag == "!!binary" {
			return fmt.Sprintf("bytes %x", value)
		}
		return "text " + value
	}
	panic(fmt.Sprintf("%T", value))
}

// natural prints how each key compares with each: a row for a key, a character for the one it is compared with.
func natural(inputs []any) []any {
	results := []any{}
	for _, a := range inputs {
		var v2, v3 strings.Builder
		for _, b := range inputs {
			v2.WriteString(order(a.(string), b.(string), func(v any) ([]byte, error) { return yaml2.Marshal(v) }))
			v3.WriteString(order(a.(string), b.(string), func(v any) ([]byte, error) { return yaml3.Marshal(v) }))
		}
		results = append(results, object{"v2": v2.String(), "v3": v3.String()})
	}
	return results
}

// order asks the encoder, which sorts the keys of a map.
func order(a, b string, marshal func(any) ([]byte, error)) string {
	if a == b {
		return "="
	}
	out, err := marshal(map[string]string{a: "first", b: "second"})
	if err != nil {
		panic(err)
	}
	if bytes.Index(out, []byte(": first")) < bytes.Index(out, []byte(": second")) {
		return "<"
	}
	return ">"
}

// rewrite prints a document as `kustomize build` prints a resource.
func rewrite(input any) any {
	node, err := kyaml.Parse(input.(string))
	if err == io.EOF {
		// There is no document at all: Kustomize has no resource to print.
		return ""
	}
	if err != nil {
		return text(nil, err)
	}
	written, err := node.String()
	if err != nil {
		return text(nil, err)
	}
	value := object{}
	if err := kyaml.Unmarshal([]byte(written), &value); err != nil {
		return text(nil, err)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return text(nil, err)
	}
	return text(yaml.JSONToYAML(encoded))
}

// fromJSON prints JSON text as JSONToYAML does.
func fromJSON(input any) any {
	return text(yaml.JSONToYAML([]byte(input.(string))))
}

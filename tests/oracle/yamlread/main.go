// Command yamlread prints what the originals make of YAML documents, in the form that tests/it/yaml_read.rs compares.
//
//	yamlread rows FILE...     reads the documents of fixture files (their "=== " lines) and writes the files anew
//	yamlread print FILE...    prints the record of each document of each file
//	yamlread corpus DIR [N]   prints digests of the records of all documents below DIR of at most N bytes
//	yamlread pieces DIR [N]   the same, and of what stands between lines of hyphens too
//	yamlread time FILE        prints how long each reader takes for the whole file
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	yaml2 "go.yaml.in/yaml/v2"
	yaml3 "go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: yamlread rows|print|time FILE... | corpus|pieces DIR [N]")
		os.Exit(2)
	}
	var err error
	switch os.Args[1] {
	case "rows":
		err = each(os.Args[2:], rows)
	case "print":
		err = each(os.Args[2:], func(path string) error {
			return withDocuments(path, func(document []byte) {
				fmt.Printf("=== %s\n%s", quote(document), record(document))
			})
		})
	case "corpus", "pieces":
		limit := math.MaxInt
		if len(os.Args) > 3 {
			limit, err = strconv.Atoi(os.Args[3])
		}
		if err == nil {
			err = corpus(os.Args[2], limit, os.Args[1] == "pieces")
		}
	case "time":
		err = each(os.Args[2:], measure)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func each(paths []string, do func(string) error) error {
	for _, path := range paths {
		if err := do(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// rows keeps the lines that begin with "#" and "=== " and prints the record of each document after its line.
func rows(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
		case strings.HasPrefix(line, "=== "):
			document, err := unquote(strings.TrimPrefix(line, "=== "))
			if err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			out.WriteString(line + "\n" + record(document))
		}
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// withDocuments hands the whole file over, and then its pieces.
func withDocuments(path string, do func([]byte)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	do(text)
	each3(text, do)
	return nil
}

// each3 cuts a text where a line begins with three hyphens.
func each3(text []byte, do func([]byte)) {
	for _, piece := range bytes.Split(text, []byte("\n---")) {
		do(append(append([]byte("---"), piece...), '\n'))
	}
}

func measure(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	documents := bytes.Split(text, []byte("\n---"))
	for _, reader := range []struct {
		name string
		read func([]byte)
	}{
		{"sigs YAMLToJSON", func(document []byte) { sigs.YAMLToJSON(document) }},
		{"v2 Unmarshal", func(document []byte) { var value any; yaml2.Unmarshal(document, &value) }},
		{"v3 Unmarshal to Node", func(document []byte) { var node yaml3.Node; yaml3.Unmarshal(document, &node) }},
		{"v3 Unmarshal", func(document []byte) { var value any; yaml3.Unmarshal(document, &value) }},
	} {
		best := time.Hour
		for range 3 {
			start := time.Now()
			for _, document := range documents {
				reader.read(append([]byte("---"), document...))
			}
			best = min(best, time.Since(start))
		}
		fmt.Printf("%-22s %8.1f ms\n", reader.name, float64(best.Microseconds())/1000)
	}
	return nil
}

// record is everything that the originals make of one input.
func record(input []byte) string {
	var out strings.Builder
	line := func(name string, value []byte, err error) {
		if err != nil {
			value = []byte("error " + quote([]byte(err.Error())))
		}
		fmt.Fprintf(&out, "%s %s\n", name, clip(string(value), 1000))
	}
	value, err := guarded(func() ([]byte, error) { return sigs.YAMLToJSON(input) })
	line("json", value, err)
	value, err = guarded(func() ([]byte, error) { return sigs.YAMLToJSONStrict(input) })
	line("strict", value, err)
	value, err = guarded(func() ([]byte, error) { return object(input) })
	line("object", value, err)
	count, err := v2Documents(input)
	line("v2", []byte(fmt.Sprint(count)), err)
	nodes(input, &out)
	return out.String()
}

// object is what kyaml's RNode.MarshalJSON does, without the way through the emitter.
func object(input []byte) ([]byte, error) {
	var node yaml3.Node
	if err := yaml3.Unmarshal(input, &node); err != nil {
		return nil, err
	}
	if len(node.Content) == 0 || node.Content[0].Kind != yaml3.MappingNode {
		var value any
		if err := yaml3.Unmarshal(input, &value); err != nil {
			return nil, err
		}
		return json.Marshal(value)
	}
	value := map[string]any{}
	if err := yaml3.Unmarshal(input, &value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// v2Documents counts the documents of a stream, as far as v2 can read them.
func v2Documents(input []byte) (count int, err error) {
	decoder := yaml2.NewDecoder(bytes.NewReader(input))
	for {
		var value any
		_, err = guarded(func() ([]byte, error) { return nil, decoder.Decode(&value) })
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return count, err
		}
		count++
	}
}

func nodes(input []byte, out *strings.Builder) {
	decoder := yaml3.NewDecoder(bytes.NewReader(input))
	for {
		var node yaml3.Node
		_, err := guarded(func() ([]byte, error) { return nil, decoder.Decode(&node) })
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Fprintf(out, "v3 error %s\n", quote([]byte(err.Error())))
			return
		}
		var tree strings.Builder
		dump(&node, 0, &tree)
		fmt.Fprintf(out, "v3\n%s\n", clip(strings.TrimSuffix(tree.String(), "\n"), 4000))
	}
}

// clip keeps fixtures readable: a longer text is known by its digest.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))
}

func dump(node *yaml3.Node, depth int, out *strings.Builder) {
	out.WriteString(strings.Repeat(" ", depth))
	switch node.Kind {
	case yaml3.DocumentNode:
		out.WriteString("document")
	case yaml3.SequenceNode:
		out.WriteString("sequence")
	case yaml3.MappingNode:
		out.WriteString("mapping")
	case yaml3.AliasNode:
		fmt.Fprintf(out, "*%s", node.Value)
	case yaml3.ScalarNode:
		out.WriteString(quote([]byte(node.Value)))
	}
	for _, style := range []struct {
		bit  yaml3.Style
		name string
	}{
		{yaml3.DoubleQuotedStyle, "double"},
		{yaml3.SingleQuotedStyle, "single"},
		{yaml3.LiteralStyle, "literal"},
		{yaml3.FoldedStyle, "folded"},
		{yaml3.FlowStyle, "flow"},
		{yaml3.TaggedStyle, "tagged"},
	} {
		if node.Style&style.bit != 0 {
			out.WriteString(" " + style.name)
		}
	}
	if node.Tag != "" {
		fmt.Fprintf(out, " %s", quote([]byte(node.Tag)))
	}
	if node.Anchor != "" {
		fmt.Fprintf(out, " &%s", node.Anchor)
	}
	if node.Kind != yaml3.DocumentNode {
		fmt.Fprintf(out, " %d:%d", node.Line, node.Column)
	}
	for _, comment := range []struct{ name, text string }{
		{"head", node.HeadComment}, {"line", node.LineComment}, {"foot", node.FootComment},
	} {
		if comment.text != "" {
			fmt.Fprintf(out, " %s=%s", comment.name, quote([]byte(comment.text)))
		}
	}
	out.WriteString("\n")
	for _, child := range node.Content {
		dump(child, depth+1, out)
	}
}

// guarded turns a panic of the original into an error, so that the row shows it.
func guarded(do func() ([]byte, error)) (value []byte, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return do()
}

// quote writes bytes on one line: what is visible as it is, the rest escaped.
func quote(text []byte) string {
	var out strings.Builder
	out.WriteByte('"')
	for len(text) > 0 {
		character, width := utf8.DecodeRune(text)
		switch {
		case character == '"' || character == '\\':
			out.WriteByte('\\')
			out.WriteRune(character)
		case character == '\n':
			out.WriteString(`\n`)
		case character >= 0x20 && character < 0x7f,
			character > 0xa0 && character != 0x2028 && character != 0x2029 && character != 0xfeff && width > 1:
			out.WriteRune(character)
		default:
			for _, octet := range text[:width] {
				fmt.Fprintf(&out, `\x%02x`, octet)
			}
		}
		text = text[width:]
	}
	out.WriteByte('"')
	return out.String()
}

// unquote reads what quote wrote, and `\*7{text}` for text that stands seven times.
func unquote(text string) ([]byte, error) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return nil, errors.New("not quoted")
	}
	text = text[1 : len(text)-1]
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		i++
		if i == len(text) {
			return nil, errors.New("ends in a backslash")
		}
		switch text[i] {
		case 'n':
			out = append(out, '\n')
		case 'x':
			var octet byte
			if _, err := fmt.Sscanf(text[i+1:i+3], "%02x", &octet); err != nil {
				return nil, err
			}
			out = append(out, octet)
			i += 2
		case '*':
			var count int
			head, rest, _ := strings.Cut(text[i+1:], "{")
			if _, err := fmt.Sscanf(head, "%d", &count); err != nil {
				return nil, err
			}
			again, _, _ := strings.Cut(rest, "}")
			out = append(out, strings.Repeat(again, count)...)
			i += len(head) + len(again) + 2
		default:
			out = append(out, text[i])
		}
	}
	return out, nil
}

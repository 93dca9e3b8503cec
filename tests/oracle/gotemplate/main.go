// Prints what text/template and fmt make of rows of ours, read from standard input; with `corpus` and a folder, what the
// parser makes of its charts.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"

	"airlock/tests/oracle/gotemplate/value"
)

// row is a template with its data, or a format with its operands.
type row struct {
	// Texts to parse before, in order, as name and text.
	Before [][2]any
	// The text, parsed as `t`, and then executed.
	Template any
	Data     any
	Missing  string
	// Whether the data is that of objects.go.
	Objects bool
	// A format of Sprintf; without one Sprint and Sprintln print the operands.
	Format any
	Args   []any
}

func main() {
	if os.Args[1] == "corpus" {
		corpus(os.Args[2])
		return
	}
	var rows []row
	must(json.NewDecoder(os.Stdin).Decode(&rows))
	var out []any
	for _, row := range rows {
		out = append(out, run(row))
	}
	fmt.Print(value.Lines(out))
}

func run(row row) any {
	if row.Args != nil {
		args := value.Decode(row.Args).([]any)
		if row.Format != nil {
			return value.Text(fmt.Sprintf(value.Decode(row.Format).(string), args...))
		}
		return []any{value.Text(fmt.Sprint(args...)), value.Text(fmt.Sprintln(args...))}
	}
	t := template.New("t").Funcs(functions)
	if row.Missing != "" {
		t.Option("missingkey=" + row.Missing)
	}
	t.Funcs(functionsOf(t))
	for _, before := range row.Before {
		_, err := t.New(before[0].(string)).Parse(value.Decode(before[1]).(string))
		if err != nil {
			return map[string]any{"error": value.Text(err.Error())}
		}
	}
	if _, err := t.Parse(value.Decode(row.Template).(string)); err != nil {
		return map[string]any{"error": value.Text(err.Error())}
	}
	var out strings.Builder
	data := value.Decode(row.Data)
	if row.Objects {
		data = objects()
	}
	err := t.Execute(&out, data)
	result := map[string]any{"out": value.Text(out.String())}
	if err != nil {
		result["error"] = value.Text(err.Error())
	}
	return result
}

// functions are those that the test on the other side has too, one for each kind of parameter.
var functions = template.FuncMap{
	"list":    func(items ...any) []any { return items },
	"strings": func(items ...string) []string { return items },
	"dict": func(items ...any) map[string]any {
		out := map[string]any{}
		for i := 0; i+1 < len(items); i += 2 {
			out[items[i].(string)] = items[i+1]
		}
		return out
	},
	"set": func(m map[string]any, key string, item any) map[string]any {
		m[key] = item
		return m
	},
	"upper":   strings.ToUpper,
	"repeat":  func(count int, s string) string { return strings.Repeat(s, count) },
	"wide":    func(n int64) int64 { return n },
	"narrow":  func(n uint8) uint8 { return n },
	"half":    func(f float64) float64 { return f / 2 },
	"negate":  func(b bool) bool { return !b },
	"any":     func(v any) any { return v },
	"typeOf":  func(v any) string { return fmt.Sprintf("%T", v) },
	"join":    func(sep string, items []string) string { return strings.Join(items, sep) },
	"lengths": func(items []any, rest ...map[string]any) int { return len(items) + len(rest) },
	"fail":    func(message string) (string, error) { return "", errors.New(message) },
	"wrap":    func(message string) (string, error) { return "", fmt.Errorf("wrapped: %w", errors.New(message)) },
	"stamp":   stamp,
	"include": func() string { return "" },
	"tpl":     func() string { return "" },
}

// functionsOf has what needs the templates: include and tpl as Helm has them.
func functionsOf(t *template.Template) template.FuncMap {
	return template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var out strings.Builder
			err := t.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
		"tpl": func(text string, data any) (string, error) {
			clone, err := t.Clone()
			if err != nil {
				return "", err
			}
			clone.Funcs(functionsOf(clone))
			inner, err := clone.New(t.Name()).Parse(text)
			if err != nil {
				return "", fmt.Errorf("cannot parse template %q: %w", text, err)
			}
			var out strings.Builder
			if err := inner.Execute(&out, data); err != nil {
				return "", fmt.Errorf("error during tpl function execution for %q: %w", text, err)
			}
			return out.String(), nil
		},
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
)

// What Sprig's own tests say: every template in them, with the data of its call where that is plain, as a template of a
// chart. What the original makes of a row differently each time, and what asks the clock, is none.
func ofSprig(string) ([]Own, error) {
	found, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/Masterminds/sprig/v3").Output()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(found)), "*_test.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("Sprig has no tests: %w", err)
	}
	var rows []Own
	seen := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		for _, declared := range parsed.Decls {
			function, isFunction := declared.(*ast.FuncDecl)
			if !isFunction {
				continue
			}
			for _, it := range templates(function) {
				row, err := ofTemplate(it.text, it.data, seen)
				if err != nil {
					return nil, err
				}
				rows = append(rows, row...)
			}
		}
	}
	return rows, nil
}

type template struct {
	text string
	data any
}

// templates gives what a function hands to Sprig's helpers, then every other text that looks like a template.
func templates(function *ast.FuncDecl) []template {
	names := map[string]any{}
	var called, others []template
	ast.Inspect(function, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.AssignStmt:
			for at, expression := range node.Rhs {
				if name, isName := node.Lhs[at].(*ast.Ident); isName && len(node.Lhs) == len(node.Rhs) {
					if value, err := plain(expression, names); err == nil {
						names[name.Name] = value
					}
				}
			}
		case *ast.CallExpr:
			name, isName := node.Fun.(*ast.Ident)
			place := map[string]int{"runt": 0, "runtv": 2, "runRaw": 1}
			if !isName || len(node.Args) == 0 {
				return true
			}
			at, known := place[name.Name]
			text, err := plain(node.Args[0], names)
			if it, isText := text.(string); known && err == nil && isText {
				var data any
				if at > 0 && at < len(node.Args) {
					data, _ = plain(node.Args[at], names)
				}
				called = append(called, template{it, data})
			}
		case ast.Expr:
			if text, err := plain(node, names); err == nil {
				if it, isText := text.(string); isText && strings.Contains(it, "{{") {
					others = append(others, template{it, nil})
				}
			}
		}
		return true
	})
	return append(called, others...)
}

func ofTemplate(text string, data any, seen map[string]bool) ([]Own, error) {
	values, err := marshal(map[string]any{"data": data})
	if err != nil {
		return nil, err
	}
	asksTheClock := strings.Contains(text, "now") || strings.Contains(text, "ago") || strings.Contains(text, "date_in_zone")
	if seen[text+values] || data == nil && seen[text] || asksTheClock || strings.Contains(text, "define") {
		return nil, nil
	}
	seen[text+values], seen[text] = true, true
	it := Case{
		Files: map[string]any{
			"Chart.yaml":       "{apiVersion: v2, name: own, version: 1.0.0}",
			"templates/a.yaml": "{{ define \"own\" }}" + text + "{{ end }}out: {{ include \"own\" .Values.data | toJson }}\n",
		},
		Values: []string{values},
	}
	var results [2]any
	for at := range results {
		if results[at], err = render(it); err != nil {
			return nil, err
		}
	}
	if !reflect.DeepEqual(results[0], results[1]) {
		return nil, nil
	}
	return []Own{{Suite: "sprig", Case: &it, Result: results[0]}}, nil
}

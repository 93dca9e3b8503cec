package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Own is a row of a table among Helm's own tests, and what Helm makes of it now.
type Own struct {
	Suite  string   `json:"suite"`
	Case   *Case    `json:"case,omitempty"`
	Row    *Row     `json:"row,omitempty"`
	Args   []string `json:"args,omitempty"`
	Result any      `json:"result"`
}

// own reads the tables out of the sources of the module that this program is built with: nothing of them is kept here. It
// gives where the module is, and the rows.
func own() (any, error) {
	found, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "helm.sh/helm/v4").Output()
	if err != nil {
		return nil, err
	}
	module := strings.TrimSpace(string(found))
	var rows []Own
	// These come first: what a command is told with `--debug` stays with those after it.
	for _, whole := range []func(string) ([]Own, error){lettered, besides} {
		made, err := whole(module)
		if err != nil {
			return nil, err
		}
		rows = append(rows, made...)
	}
	for _, table := range []struct {
		file string
		read func(map[string]any) ([]Own, error)
	}{
		{"pkg/engine/funcs_test.go", ofEngine},
		{"pkg/strvals/parser_test.go", ofFlags},
		{"pkg/strvals/literal_parser_test.go", ofFlags},
		{"pkg/cmd/template_test.go", ofCommand},
		{"pkg/cmd/lint_test.go", ofCommand},
	} {
		literals, err := tables(filepath.Join(module, table.file))
		if err != nil {
			return nil, err
		}
		// The commands name charts beside their test.
		if err := os.Chdir(filepath.Join(module, filepath.Dir(table.file))); err != nil {
			return nil, err
		}
		before := len(rows)
		for _, fields := range literals {
			made, err := table.read(fields)
			if err != nil {
				return nil, err
			}
			rows = append(rows, made...)
		}
		if len(rows) == before {
			return nil, fmt.Errorf("%s has no table that is understood", table.file)
		}
	}
	return map[string]any{"module": module, "rows": rows}, nil
}

func ofEngine(fields map[string]any) ([]Own, error) {
	text, isText := fields["tpl"].(string)
	data, hasData := fields["vars"]
	// A template that ends in an error, or has no data that is plain, is another test's.
	if !isText || !hasData || strings.Contains(text, "`") {
		return nil, nil
	}
	values, err := marshal(map[string]any{"data": data})
	if err != nil {
		return nil, err
	}
	it := Case{
		Files: map[string]any{
			"Chart.yaml": "{apiVersion: v2, name: own, version: 1.0.0}",
			"templates/a.yaml": "{{ define \"own\" }}" + text + "{{ end }}" +
				"out: {{ include \"own\" .Values.data | toJson }}\n",
		},
		Values: []string{values},
	}
	result, err := render(it)
	return []Own{{Suite: "engine", Case: &it, Result: result}}, err
}

func marshal(value any) (string, error) {
	var out bytes.Buffer
	encoder := newEncoder(&out)
	err := encoder.Encode(value)
	return out.String(), err
}

func ofFlags(fields map[string]any) ([]Own, error) {
	text, isText := fields["str"].(string)
	if !isText {
		return nil, nil
	}
	var rows []Own
	for _, kind := range []string{"set", "string", "json", "literal"} {
		row := Row{Kind: kind, Text: text}
		result, err := set(row)
		if err != nil {
			return nil, err
		}
		rows = append(rows, Own{Suite: "set", Row: &row, Result: result})
	}
	return rows, nil
}

func ofCommand(fields map[string]any) ([]Own, error) {
	line, isText := fields["cmd"].(string)
	if !isText {
		return nil, nil
	}
	args := words(line)
	var out bytes.Buffer
	result := map[string]any{}
	if err := command(&out, args); err != nil {
		result["error"] = err.Error()
	}
	result["output"] = out.String()
	return []Own{{Suite: "command", Args: args, Result: result}}, nil
}

// words splits a line as a shell does, as far as these lines need it.
func words(line string) []string {
	var words []string
	var word strings.Builder
	open, inside := rune(0), false
	for _, sign := range line {
		switch {
		case open != 0 && sign == open:
			open = 0
		case open != 0:
			word.WriteRune(sign)
		case sign == '\'' || sign == '"':
			open, inside = sign, true
		case sign == ' ':
			if inside {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(sign)
			inside = true
		}
	}
	if inside {
		words = append(words, word.String())
	}
	return words
}

// tables gives every literal of a file whose fields have names, with those fields whose values are plain.
func tables(file string) ([]map[string]any, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	names := map[string]any{}
	ast.Inspect(parsed, func(node ast.Node) bool {
		var left, right []ast.Expr
		switch node := node.(type) {
		case *ast.AssignStmt:
			left, right = node.Lhs, node.Rhs
		case *ast.ValueSpec:
			for _, name := range node.Names {
				left = append(left, name)
			}
			right = node.Values
		}
		for at, name := range left {
			if ident, isIdent := name.(*ast.Ident); isIdent && at < len(right) && len(left) == len(right) {
				if value, err := plain(right[at], names); err == nil {
					names[ident.Name] = value
				}
			}
		}
		return true
	})
	var literals []map[string]any
	ast.Inspect(parsed, func(node ast.Node) bool {
		literal, isLiteral := node.(*ast.CompositeLit)
		if !isLiteral {
			return true
		}
		fields := map[string]any{}
		for _, element := range literal.Elts {
			pair, isPair := element.(*ast.KeyValueExpr)
			if !isPair {
				continue
			}
			if name, isName := pair.Key.(*ast.Ident); isName {
				if value, err := plain(pair.Value, names); err == nil {
					fields[name.Name] = value
				}
			}
		}
		if len(fields) > 0 {
			literals = append(literals, fields)
		}
		return true
	})
	return literals, nil
}

var errNotPlain = errors.New("not plain data")

// plain evaluates an expression that is data.
func plain(expression ast.Expr, names map[string]any) (any, error) {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		switch expression.Kind {
		case token.STRING:
			return strconv.Unquote(expression.Value)
		case token.INT:
			return strconv.ParseInt(expression.Value, 0, 64)
		case token.FLOAT:
			return strconv.ParseFloat(expression.Value, 64)
		}
	case *ast.Ident:
		switch expression.Name {
		case "true":
			return true, nil
		case "false":
			return false, nil
		case "nil":
			return nil, nil
		}
		if value, known := names[expression.Name]; known {
			return value, nil
		}
	case *ast.BinaryExpr:
		left, err := plain(expression.X, names)
		if err != nil {
			return nil, err
		}
		right, err := plain(expression.Y, names)
		if err != nil {
			return nil, err
		}
		before, isBefore := left.(string)
		after, isAfter := right.(string)
		if expression.Op == token.ADD && isBefore && isAfter {
			return before + after, nil
		}
	case *ast.CompositeLit:
		return composite(expression, names)
	case *ast.CallExpr:
		return called(expression, names)
	}
	return nil, errNotPlain
}

func composite(literal *ast.CompositeLit, names map[string]any) (any, error) {
	switch literal.Type.(type) {
	case *ast.MapType:
		out := map[string]any{}
		for _, element := range literal.Elts {
			pair, isPair := element.(*ast.KeyValueExpr)
			if !isPair {
				return nil, errNotPlain
			}
			key, err := plain(pair.Key, names)
			if err != nil {
				return nil, err
			}
			name, isText := key.(string)
			if !isText {
				return nil, errNotPlain
			}
			if out[name], err = plain(pair.Value, names); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *ast.ArrayType:
		out := []any{}
		for _, element := range literal.Elts {
			value, err := plain(element, names)
			if err != nil {
				return nil, err
			}
			out = append(out, value)
		}
		return out, nil
	}
	return nil, errNotPlain
}

func called(call *ast.CallExpr, names map[string]any) (any, error) {
	function, isSelector := call.Fun.(*ast.SelectorExpr)
	if !isSelector {
		return nil, errNotPlain
	}
	var args []any
	for _, arg := range call.Args {
		value, err := plain(arg, names)
		if err != nil {
			return nil, err
		}
		args = append(args, value)
	}
	texts := make([]string, len(args))
	for at, arg := range args {
		text, isText := arg.(string)
		if !isText {
			return nil, errNotPlain
		}
		texts[at] = text
	}
	switch function.Sel.Name {
	case "Sprintf":
		return fmt.Sprintf(texts[0], args[1:]...), nil
	case "Join":
		return filepath.Join(texts...), nil
	}
	return nil, errNotPlain
}

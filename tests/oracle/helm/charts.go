package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What Helm's own tests say of whole charts: the charts that lie beside them, values that their tables give to such a chart,
// and charts that they write as literals. A row is judged twice, and is none where the two differ: then it is random.

// Charts beside the tests, and the table whose values they get.
var tabled = map[string]string{
	"pkg/chart/v2/util/testdata/subpop": "pkg/chart/v2/util/dependencies_test.go",
}

// Tests that write charts as literals.
var lettering = []string{
	"pkg/engine/engine_test.go",
	"pkg/chart/common/util/values_test.go",
	"pkg/chart/common/util/coalesce_test.go",
	"pkg/chart/common/util/jsonschema_test.go",
	"pkg/action/action_test.go",
	"pkg/chart/v2/lint/rules/dependencies_test.go",
	"pkg/chart/v2/lint/rules/template_test.go",
	"pkg/chart/v2/util/save_test.go",
}

// Of more values in one function these many are given to each of its charts.
const mostValues = 12

// ran is what a command prints; nothing where it breaks, which is no behaviour to have.
func ran(args []string) (result map[string]any) {
	defer func() {
		if recover() != nil {
			result = nil
		}
	}()
	var out bytes.Buffer
	result = map[string]any{}
	if err := command(&out, args); err != nil {
		result["error"] = err.Error()
	}
	result["output"] = out.String()
	return result
}

func twice(args []string) (*Own, error) {
	var results [2]map[string]any
	for at := range results {
		results[at] = ran(args)
	}
	if results[0] == nil || !maps.Equal(results[0], results[1]) {
		return nil, nil
	}
	return &Own{Suite: "chart", Args: args, Result: results[0]}, nil
}

// besides renders and lints every chart of the module, by the path in it.
func besides(module string) ([]Own, error) {
	if err := os.Chdir(module); err != nil {
		return nil, err
	}
	var lines [][]string
	add := func(path string) {
		lines = append(lines, []string{"template", "rel", path, "--include-crds"}, []string{"lint", path})
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case entry.Name() == "Chart.yaml":
			add(filepath.Dir(path))
		case strings.HasSuffix(path, ".tgz"):
			add(path)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for chart, table := range tabled {
		given, err := valuesOf(table)
		if err != nil {
			return nil, err
		}
		for _, values := range given {
			text, err := json.Marshal(values)
			if err != nil {
				return nil, err
			}
			lines = append(lines, []string{"template", "rel", chart, "--set-json", string(text)})
		}
	}
	var rows []Own
	for _, line := range lines {
		row, err := twice(line)
		if err != nil {
			return nil, err
		}
		if row != nil {
			rows = append(rows, *row)
		}
	}
	return rows, nil
}

// valuesOf gives every map of a file that stands in no other one.
func valuesOf(file string) ([]map[string]any, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	return outermost(parsed), nil
}

func outermost(node ast.Node) []map[string]any {
	var found []map[string]any
	ast.Inspect(node, func(node ast.Node) bool {
		if isChart(node) {
			return false
		}
		composite, isComposite := node.(*ast.CompositeLit)
		if !isComposite {
			return true
		}
		switch kind := composite.Type.(type) {
		case *ast.MapType:
		case *ast.Ident:
			// A map under a shorter name; what is a struct has fields.
			if kind.Name != "M" {
				return true
			}
		default:
			return true
		}
		values, isMap := literal(composite, nil).(map[string]any)
		if isMap {
			found = append(found, values)
		}
		return !isMap
	})
	return found
}

func isChart(node ast.Node) bool {
	composite, isComposite := node.(*ast.CompositeLit)
	if !isComposite {
		return false
	}
	kind, isSelector := composite.Type.(*ast.SelectorExpr)
	return isSelector && kind.Sel.Name == "Chart"
}

// literal evaluates an expression as far as it is data: a struct is the map of those fields that are.
func literal(expression ast.Expr, names map[string]any) any {
	switch expression := expression.(type) {
	case *ast.UnaryExpr:
		if expression.Op == token.AND {
			return literal(expression.X, names)
		}
	case *ast.CallExpr:
		// `[]byte(…)` is its text.
		if _, isConversion := expression.Fun.(*ast.ArrayType); isConversion && len(expression.Args) == 1 {
			return literal(expression.Args[0], names)
		}
		if name, isName := expression.Fun.(*ast.Ident); isName && name.Name == "withDeps" {
			return dependent(expression.Args, names)
		}
	case *ast.CompositeLit:
		if _, isArray := expression.Type.(*ast.ArrayType); isArray {
			list := []any{}
			for _, element := range expression.Elts {
				if value := literal(element, names); value != nil {
					list = append(list, value)
				}
			}
			return list
		}
		out := map[string]any{}
		for _, element := range expression.Elts {
			pair, isPair := element.(*ast.KeyValueExpr)
			if !isPair {
				return nil
			}
			value := literal(pair.Value, names)
			if name, isName := pair.Key.(*ast.Ident); isName {
				if value != nil {
					out[name.Name] = value
				}
				continue
			}
			key, isText := literal(pair.Key, names).(string)
			if !isText {
				return nil
			}
			out[key] = value
		}
		return out
	}
	value, err := plain(expression, names)
	if err != nil {
		return nil
	}
	return value
}

// dependent is the first chart with the others as what it depends on.
func dependent(charts []ast.Expr, names map[string]any) any {
	top, isMap := literal(charts[0], names).(map[string]any)
	if !isMap {
		return nil
	}
	for _, expression := range charts[1:] {
		chart := literal(expression, names)
		if chart == nil {
			return nil
		}
		attach(top, chart)
	}
	return top
}

const dependencies = "(dependencies)"

func attach(top map[string]any, chart any) {
	known, _ := top[dependencies].([]any)
	top[dependencies] = append(known, chart)
}

// lettered renders every chart that a test writes as a literal, with its own values and with those of the same function.
func lettered(module string) ([]Own, error) {
	var rows []Own
	for _, file := range lettering {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(module, file), nil, 0)
		if err != nil {
			return nil, err
		}
		texts := map[string]any{}
		for _, declared := range parsed.Decls {
			general, isGeneral := declared.(*ast.GenDecl)
			if !isGeneral {
				continue
			}
			for _, spec := range general.Specs {
				if value, isValue := spec.(*ast.ValueSpec); isValue && len(value.Names) == len(value.Values) {
					for at, name := range value.Names {
						if text, isText := literal(value.Values[at], nil).(string); isText {
							texts[name.Name] = text
						}
					}
				}
			}
		}
		for _, declared := range parsed.Decls {
			function, isFunction := declared.(*ast.FuncDecl)
			if !isFunction {
				continue
			}
			// What looks a name up in the world is as random as the world.
			if strings.Contains(function.Name.Name, "DNS") {
				continue
			}
			made, err := ofFunction(function, texts)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", file, function.Name.Name, err)
			}
			rows = append(rows, made...)
		}
	}
	return rows, nil
}

func ofFunction(function *ast.FuncDecl, texts map[string]any) ([]Own, error) {
	names := maps.Clone(texts)
	var charts []map[string]any
	values := []string{}
	ast.Inspect(function, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.AssignStmt:
			for at, expression := range node.Rhs {
				name, isName := node.Lhs[at].(*ast.Ident)
				if value := literal(expression, names); isName && value != nil && len(node.Lhs) == len(node.Rhs) {
					names[name.Name] = value
				}
			}
		case *ast.CallExpr:
			method, isMethod := node.Fun.(*ast.SelectorExpr)
			if isMethod && method.Sel.Name == "AddDependency" {
				if top, isChart := literal(method.X, names).(map[string]any); isChart {
					for _, argument := range node.Args {
						if chart := literal(argument, names); chart != nil {
							attach(top, chart)
						}
					}
				}
			}
			if isMethod && method.Sel.Name == "ReadValues" {
				if text, isText := literal(node.Args[0], names).(string); isText {
					values = append(values, text)
				}
			}
		}
		return true
	})
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if chart, isMap := names[name].(map[string]any); isMap && chart["Metadata"] != nil {
			charts = append(charts, chart)
		}
	}
	// Charts in tables have no name.
	ast.Inspect(function, func(node ast.Node) bool {
		if expression, isExpression := node.(ast.Expr); isExpression && isChart(node) {
			if chart, isMap := literal(expression, names).(map[string]any); isMap {
				charts = append(charts, chart)
			}
			return false
		}
		return true
	})
	for _, scope := range outermost(function) {
		if inner, isScope := scope["Values"].(map[string]any); isScope {
			scope = inner
		}
		text, err := marshal(scope)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(values, text) && len(values) < mostValues {
			values = append(values, text)
		}
	}
	values = append([]string{"{}"}, values...)
	var rows []Own
	seen := map[string]bool{}
	for _, chart := range charts {
		files := map[string]any{}
		if !lay(chart, "", "", files) {
			continue
		}
		renamed(files)
		identity, err := marshal(files)
		if err != nil {
			return nil, err
		}
		if seen[identity] {
			continue
		}
		seen[identity] = true
		for _, given := range values {
			it := Case{Files: files, Values: []string{given}, Release: "rel"}
			result, err := render(it)
			if err != nil {
				return nil, err
			}
			rows = append(rows, Own{Suite: "literal", Case: &it, Result: result})
		}
	}
	return rows, nil
}

// lay writes a chart and what it depends on as files. Templates go where they are not rendered by themselves, since most
// of them are no objects; one of ours says what they and the values come to.
func lay(chart map[string]any, folder, parent string, files map[string]any) bool {
	metadata, _ := chart["Metadata"].(map[string]any)
	name, isNamed := metadata["Name"].(string)
	if !isNamed || name == "" || strings.ContainsAny(name, "/.") {
		return false
	}
	about := map[string]any{"apiVersion": "v2", "name": name, "version": "0.1.0"}
	for field, key := range map[string]string{"APIVersion": "apiVersion", "Version": "version", "Type": "type", "AppVersion": "appVersion"} {
		if text, isText := metadata[field].(string); isText {
			about[key] = text
		}
	}
	listed, _ := metadata["Dependencies"].([]any)
	wanted := []any{}
	for _, entry := range listed {
		entry, isEntry := entry.(map[string]any)
		if !isEntry {
			continue
		}
		one := map[string]any{}
		for field, key := range map[string]string{
			"Name": "name", "Version": "version", "Repository": "repository", "Condition": "condition", "Alias": "alias",
			"Tags": "tags", "ImportValues": "import-values",
		} {
			if value, known := entry[field]; known {
				one[key] = value
			}
		}
		wanted = append(wanted, one)
	}
	if len(wanted) > 0 {
		about["dependencies"] = wanted
	}
	text, err := marshal(about)
	if err != nil {
		return false
	}
	files[folder+"Chart.yaml"] = text
	values := chart["Values"]
	if values == nil {
		values = map[string]any{}
	}
	if text, err = marshal(values); err != nil {
		return false
	}
	files[folder+"values.yaml"] = text
	if schema, isText := chart["Schema"].(string); isText {
		files[folder+"values.schema.json"] = schema
	}
	others, _ := chart["Files"].([]any)
	for _, file := range others {
		if file, isFile := file.(map[string]any); isFile {
			if name, text, isWhole := named(file); isWhole {
				files[folder+name] = text
			}
		}
	}
	path := parent + name
	driver := "values: {{ .Values | toJson }}\n"
	templates, _ := chart["Templates"].([]any)
	for at, file := range templates {
		file, isFile := file.(map[string]any)
		if !isFile {
			continue
		}
		name, text, isWhole := named(file)
		if !isWhole {
			continue
		}
		base := filepath.Base(name)
		hidden := filepath.Join("templates", "_"+strings.TrimPrefix(base, "_"))
		files[folder+hidden] = text
		driver += fmt.Sprintf("t%d: {{ include %q . | toJson }}\n", at, path+"/"+hidden)
	}
	files[folder+"templates/zz-driver.yaml"] = driver
	below, _ := chart[dependencies].([]any)
	for _, inner := range below {
		inner, isChart := inner.(map[string]any)
		if !isChart {
			return false
		}
		metadata, _ := inner["Metadata"].(map[string]any)
		name, _ := metadata["Name"].(string)
		if !lay(inner, folder+"charts/"+name+"/", path+"/charts/", files) {
			return false
		}
	}
	return true
}

// renamed lets templates name each other as they are called now.
func renamed(files map[string]any) {
	for name := range files {
		if base := filepath.Base(name); strings.HasPrefix(base, "_") {
			for other, text := range files {
				text, _ := text.(string)
				files[other] = strings.ReplaceAll(text, "/templates/"+base[1:]+"\"", "/templates/"+base+"\"")
			}
		}
	}
}

func named(file map[string]any) (string, string, bool) {
	name, hasName := file["Name"].(string)
	text, hasText := file["Data"].(string)
	return name, text, hasName && hasText
}

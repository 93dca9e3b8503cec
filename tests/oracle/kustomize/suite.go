package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// The tables of Kustomize's and kyaml's own tests, as trees that a build shows the same on: what a row gives to a filter
// is given to the transformer that uses it. What comes out is not what the table says, which nobody prints, but what the
// original builds of the tree. The tables are read from the source of the modules.

type row = map[string]any

// Where tables are, and what makes a tree of a row; nil where the row is none.
var suites = []struct {
	module, files string
	tree          func(row) *tree
}{
	{"kyaml", "yaml/merge2/*_test.go", func(it row) *tree { return merged(it["dest"], it["source"]) }},
	// Nothing that is built merges three; of the three texts the two that a patch could have made.
	{"kyaml", "yaml/merge3/*_test.go", func(it row) *tree { return merged(it["local"], it["update"]) }},
	{"api", "filters/patchstrategicmerge/*_test.go", func(it row) *tree { return merged(it["input"], it["patch"]) }},
	{"api", "filters/patchjson6902/*_test.go", func(it row) *tree {
		return transformed(it, "PatchJson6902Transformer", row{"jsonOp": inner(it)["patch"], "target": row{"name": ".*", "kind": ".*"}})
	}},
	{"api", "filters/annotations/*_test.go", func(it row) *tree {
		return transformed(it, "AnnotationsTransformer", row{"annotations": inner(it)["annotations"], "fieldSpecs": specs(it, "metadata/annotations")})
	}},
	{"api", "filters/labels/*_test.go", func(it row) *tree {
		return transformed(it, "LabelTransformer", row{"labels": inner(it)["labels"], "fieldSpecs": specs(it, "")})
	}},
	{"api", "filters/prefix/*_test.go", func(it row) *tree {
		return transformed(it, "PrefixTransformer", row{"prefix": inner(it)["prefix"], "fieldSpecs": specs(it, "")})
	}},
	{"api", "filters/suffix/*_test.go", func(it row) *tree {
		return transformed(it, "SuffixTransformer", row{"suffix": inner(it)["suffix"], "fieldSpecs": specs(it, "")})
	}},
	{"api", "filters/imagetag/*_test.go", func(it row) *tree {
		return transformed(it, "ImageTagTransformer", row{"imageTag": inner(it)["imageTag"], "fieldSpecs": specs(it, "")})
	}},
	{"api", "filters/replicacount/*_test.go", func(it row) *tree {
		return transformed(it, "ReplicaCountTransformer", row{"replica": inner(it)["replica"], "fieldSpecs": specs(it, "")})
	}},
	{"api", "filters/namespace/*_test.go", func(it row) *tree {
		filter := inner(it)
		config := row{"metadata": row{"name": "x", "namespace": filter["namespace"]}, "unsetOnly": filter["unsetOnly"], "fieldSpecs": specs(it, "")}
		for word, constant := range map[string]string{
			"none": "NoSubjects", "defaultOnly": "DefaultSubjectsOnly", "allServiceAccounts": "AllServiceAccountSubjects",
		} {
			if filter["setRoleBindingSubjects"] == constant {
				config["setRoleBindingSubjects"] = word
			}
		}
		return transformed(it, "NamespaceTransformer", config)
	}},
	{"api", "filters/replacement/*_test.go", func(it row) *tree {
		text, ok := it["replacements"].(string)
		if !ok {
			return nil
		}
		// The text is the field itself.
		return beside(it["input"], "", "", strings.TrimLeft(text, "\n")+"\n")
	}},
	{"api", "filters/valueadd/*_test.go", func(it row) *tree {
		filter := inner(it)
		target := row{"selector": row{"kind": ".*"}, "fieldPath": filter["fieldPath"], "filePathPosition": filter["filePathPosition"]}
		return transformed(it, "ValueAddTransformer", row{"value": filter["value"], "targets": []any{target}})
	}},
	{"api", "filters/fieldspec/*_test.go", func(it row) *tree {
		text, ok := it["fieldSpec"].(string)
		if !ok {
			return nil
		}
		config := "namePrefix:\n- " + strings.ReplaceAll(strings.Trim(text, "\n"), "\n", "\n  ") + "\n"
		return beside(it["input"], "config.yaml", config, "configurations: [config.yaml]\nnamePrefix: p-\n")
	}},
	{"api", "filters/refvar/*_test.go", func(it row) *tree {
		filter := inner(it)
		spec, ok := filter["fieldSpec"].(row)
		if !ok {
			return nil
		}
		config := "varReference:\n- " + compact(spec) + "\n"
		rest := "configurations: [config.yaml]\nvars: [{name: VAR, objref: {kind: ConfigMap, name: v, apiVersion: v1}, fieldref: {fieldpath: data.v}}]\n" +
			"configMapGenerator: [{name: v, literals: [v=value]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
		return beside(it["input"], "config.yaml", config, rest)
	}},
	{"kyaml", "openapi/openapi*.go", func(it row) *tree {
		// Whether a kind has a namespace shows in whether it gets one.
		meta, ok := it["typeMeta"].(row)
		if !ok {
			meta = it
		}
		version, isText := meta["aPIVersion"].(string)
		kind, hasKind := meta["kind"].(string)
		if !isText || !hasKind || kind == "" {
			return nil
		}
		text := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: x}\n", version, kind)
		return &tree{Path: "/", Order: "none", Files: map[string]string{"in.yaml": text, "kustomization.yaml": "resources: [in.yaml]\nnamespace: space\n"}}
	}},
}

func inner(it row) row {
	filter, _ := it["filter"].(row)
	return filter
}

// specs are the field specs of a filter and of its row.
func specs(it row, first string) []any {
	all := []any{}
	if first != "" {
		all = append(all, row{"path": first, "create": true})
	}
	for _, from := range []row{inner(it), it} {
		for _, name := range []string{"fieldSpec", "fsSlice", "fsslice"} {
			switch found := from[name].(type) {
			case row:
				all = append(all, found)
			case []any:
				all = append(all, found...)
			}
		}
	}
	return all
}

func transformed(it row, kind string, config row) *tree {
	if _, ok := it["filter"].(row); !ok {
		return nil
	}
	config["apiVersion"], config["kind"] = "builtin", kind
	if config["metadata"] == nil {
		config["metadata"] = row{"name": "x"}
	}
	return beside(it["input"], "transformer.yaml", compact(config), "transformers: [transformer.yaml]\n")
}

func merged(object, patch any) *tree {
	text, ok := patch.(string)
	if !ok {
		return nil
	}
	return beside(object, "patch.yaml", named(text), "patches: [{path: patch.yaml, target: {kind: .*}}]\n")
}

func beside(input any, name, text, says string) *tree {
	resources, ok := input.(string)
	if !ok || resources == "" {
		return nil
	}
	files := map[string]string{"in.yaml": named(resources), "kustomization.yaml": "resources: [in.yaml]\n" + says}
	if name != "" {
		files[name] = text
	}
	return &tree{Path: "/", Order: "none", Files: files}
}

func compact(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	return string(text)
}

// named gives documents what a resource must have and a row may lack.
func named(text string) string {
	documents := strings.Split(text, "\n---")
	for i, document := range documents {
		// Some are written with all their lines further to the right.
		first := strings.TrimLeft(document, "\n")
		indent := first[:len(first)-len(strings.TrimLeft(first, " "))]
		has := func(start string) bool {
			return strings.HasPrefix(document, indent+start) || strings.Contains(document, "\n"+indent+start)
		}
		add := func(line string) {
			document = strings.TrimRight(document, "\n ") + "\n" + indent + line + "\n"
		}
		if !has("kind:") {
			add("kind: Thing")
		}
		if !has("metadata:") {
			add(fmt.Sprintf("metadata: {name: x%d}", i))
		} else if !strings.Contains(document, "  name:") {
			document = strings.Replace(document, "metadata:\n", fmt.Sprintf("metadata:\n  name: x%d\n", i), 1)
		}
		documents[i] = document
	}
	return strings.Join(documents, "\n---")
}

// suite prints a line for each row of the tables: the tree, and what the original makes of it.
func suite(out io.Writer) {
	log.SetOutput(io.Discard)
	stdout := os.Stdout
	os.Stderr, _ = os.Open(os.DevNull)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, suite := range suites {
		files, err := filepath.Glob(filepath.Join(source(suite.module), suite.files))
		if err != nil || len(files) == 0 {
			fmt.Fprintln(stdout, "no", suite.files)
			os.Exit(1)
		}
		for at, it := range rows(files) {
			tree := suite.tree(it)
			if tree == nil {
				continue
			}
			tree.Name = fmt.Sprintf("%s %d", strings.TrimSuffix(suite.files, "/*_test.go"), at+1)
			text, message := tree.build()
			if err := lines.Encode(map[string]any{"name": tree.Name, "files": tree.Files, "out": text, "err": message}); err != nil {
				os.Exit(1)
			}
		}
	}
	remotes(lines)
}

// remotes prints the forms in which repositories are named, and what a clone would be made from: here the tables say it
// themselves, since a build would ask the network.
func remotes(lines *json.Encoder) {
	for at, it := range rows([]string{filepath.Join(source("api"), "internal/git/repospec_test.go")}) {
		input, isText := it["input"].(string)
		clone, isClone := it["cloneSpec"].(string)
		spec, isSpec := it["repoSpec"].(row)
		if !isText || !isClone || !isSpec {
			continue
		}
		path, _ := spec["kustRootPath"].(string)
		ref, _ := spec["ref"].(string)
		line := map[string]any{"name": fmt.Sprintf("internal/git %d", at+1), "remote": map[string]string{
			"input": input, "clone": clone, "path": path, "ref": ref,
		}}
		if err := lines.Encode(line); err != nil {
			os.Exit(1)
		}
	}
}

// source is where the source of a module was when this was built.
func source(module string) string {
	var function any = krusty.MakeKustomizer
	if module == "kyaml" {
		function = openapi.ResetOpenAPI
	}
	file, _ := runtime.FuncForPC(reflect.ValueOf(function).Pointer()).FileLine(reflect.ValueOf(function).Pointer())
	return filepath.Dir(filepath.Dir(file))
}

// rows are all literals of files that could be rows of a table: of structs with names for their fields, in their order.
func rows(files []string) []row {
	sort.Strings(files)
	known := map[string]ast.Expr{}
	var trees []*ast.File
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			os.Exit(1)
		}
		trees = append(trees, tree)
		ast.Inspect(tree, func(node ast.Node) bool {
			switch it := node.(type) {
			case *ast.ValueSpec:
				for i, name := range it.Names {
					if i < len(it.Values) {
						known[name.Name] = it.Values[i]
					}
				}
			case *ast.AssignStmt:
				for i, name := range it.Lhs {
					if name, ok := name.(*ast.Ident); ok && i < len(it.Rhs) && len(it.Lhs) == len(it.Rhs) {
						if _, literal := it.Rhs[i].(*ast.BasicLit); literal {
							known[name.Name] = it.Rhs[i]
						}
					}
				}
			}
			return true
		})
	}
	var found []row
	for _, tree := range trees {
		ast.Inspect(tree, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if it, ok := evaluate(known, literal).(row); ok && isRow(literal) {
				found = append(found, it)
			}
			return true
		})
	}
	return found
}

// isRow tells structs from maps: keys of structs are names.
func isRow(literal *ast.CompositeLit) bool {
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		if _, ok := pair.Key.(*ast.Ident); !ok {
			return false
		}
	}
	return len(literal.Elts) > 0
}

// What fields are called in YAML, where it is not their name.
var yamlNames = map[string]string{"createIfNotPresent": "create"}

// evaluate gives what an expression is, and nil of what only a program knows.
func evaluate(known map[string]ast.Expr, expr ast.Expr) any {
	switch it := expr.(type) {
	case *ast.BasicLit:
		if it.Kind == token.STRING {
			text, _ := strconv.Unquote(it.Value)
			return text
		}
		number, err := strconv.Atoi(it.Value)
		if err != nil {
			return nil
		}
		return number
	case *ast.BinaryExpr:
		left, _ := evaluate(known, it.X).(string)
		right, _ := evaluate(known, it.Y).(string)
		return left + right
	case *ast.UnaryExpr:
		return evaluate(known, it.X)
	case *ast.SelectorExpr:
		return it.Sel.Name
	case *ast.Ident:
		switch it.Name {
		case "true", "false":
			return it.Name == "true"
		}
		if value, ok := known[it.Name]; ok {
			switch value.(type) {
			case *ast.BasicLit, *ast.BinaryExpr:
				return evaluate(known, value)
			}
		}
		return nil
	case *ast.CallExpr:
		// Texts are parsed, trimmed or converted.
		if len(it.Args) == 1 {
			return evaluate(known, it.Args[0])
		}
		return nil
	case *ast.CompositeLit:
		if len(it.Elts) == 0 {
			return nil
		}
		if _, pairs := it.Elts[0].(*ast.KeyValueExpr); !pairs {
			var list []any
			for _, element := range it.Elts {
				list = append(list, evaluate(known, element))
			}
			return list
		}
		fields := row{}
		for _, element := range it.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			value := evaluate(known, pair.Value)
			switch key := pair.Key.(type) {
			case *ast.Ident:
				name := []rune(key.Name)
				name[0] = unicode.ToLower(name[0])
				text := string(name)
				if other, ok := yamlNames[text]; ok {
					text = other
				}
				// What is embedded stands among the others.
				if inner, ok := value.(row); ok && (text == "gvk" || text == "resId") {
					for name, value := range inner {
						fields[name] = value
					}
					continue
				}
				fields[text] = value
			case *ast.BasicLit:
				text, _ := strconv.Unquote(key.Value)
				fields[text] = value
			}
		}
		return fields
	}
	return nil
}

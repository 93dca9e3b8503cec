package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/resid"
	yaml2 "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

type references struct {
	resid.Gvk `json:",inline"`
	Referrers types.FsSlice `json:"fieldSpecs"`
}

// The constants are in a package that nobody outside may import, so they are read from its source.
func constants() map[string]ast.Expr {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kustomize/api").Output()
	if err != nil {
		log.Fatal(err)
	}
	pattern := filepath.Join(strings.TrimSpace(string(dir)), "internal/konfig/builtinpluginconsts/*.go")
	files, err := filepath.Glob(pattern)
	if err != nil {
		log.Fatal(err)
	}
	found := map[string]ast.Expr{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			log.Fatal(err)
		}
		ast.Inspect(tree, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok {
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						found[name.Name] = spec.Values[i]
					}
				}
			}
			return true
		})
	}
	return found
}

func text(all map[string]ast.Expr, expr ast.Expr) string {
	switch it := expr.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(it.Value)
		if err != nil {
			log.Fatal(err)
		}
		return value
	case *ast.BinaryExpr:
		return text(all, it.X) + text(all, it.Y)
	case *ast.Ident:
		return text(all, all[it.Name])
	}
	return ""
}

// defaults prints one line a field spec: section, the kind that is referred to, the kind that has the field, whether
// it is created, its path. `-` is an empty word.
func defaults(out io.Writer) {
	all := constants()
	sections := map[string][]byte{}
	for name, expr := range all {
		if strings.HasSuffix(name, "FieldSpecs") {
			body := text(all, expr)
			if heading, rest, ok := strings.Cut(strings.TrimSpace(body), ":\n"); ok && !strings.HasPrefix(heading, "-") {
				sections[heading] = []byte(rest)
			}
		}
	}
	var names []string
	for name := range sections {
		names = append(names, name)
	}
	sort.Strings(names)
	word := func(text string) string {
		if text == "" {
			return "-"
		}
		return text
	}
	gvk := func(it resid.Gvk) string {
		return word(it.Group) + " " + word(it.Version) + " " + word(it.Kind)
	}
	for _, name := range names {
		if name == "nameReference" {
			var all []references
			if err := yaml.UnmarshalStrict(sections[name], &all); err != nil {
				log.Fatal(err)
			}
			sort.SliceStable(all, func(i, j int) bool { return all[i].Gvk.IsLessThan(all[j].Gvk) })
			for _, one := range all {
				for _, spec := range one.Referrers {
					fmt.Fprintln(out, name, gvk(one.Gvk), gvk(spec.Gvk), spec.CreateIfNotPresent, spec.Path)
				}
			}
			continue
		}
		var specs types.FsSlice
		if err := yaml.UnmarshalStrict(sections[name], &specs); err != nil {
			log.Fatal(err)
		}
		sort.Sort(specs)
		for _, spec := range specs {
			fmt.Fprintln(out, name, "- - -", gvk(spec.Gvk), spec.CreateIfNotPresent, spec.Path)
		}
	}
}

// schema prints what a strategic merge asks of the OpenAPI: which lists merge, and by which keys.
//
//	type NAME                          a definition from which such a list can be reached
//	kind GROUP VERSION KIND NAME       the definition of a kind
//	scope cluster|namespaced GROUP VERSION KIND
//
// and below a type one line a field: `FIELD object NAME`, `FIELD list NAME`, `FIELD map NAME`, `FIELD maplist NAME`,
// and `merge KEY,KEY` behind a list that merges. `-` is a type from which no merging list can be reached.
func schema(file io.Writer) {
	out := bufio.NewWriter(file)
	defer out.Flush()
	definitions := openapi.Schema().Definitions
	const prefix = "#/definitions/"
	names := make([]string, 0, len(definitions))
	for name := range definitions {
		names = append(names, name)
	}
	sort.Strings(names)
	type field struct{ name, form, of, merge string }
	fields := map[string][]field{}
	for _, name := range names {
		definition := definitions[name]
		if definition.AdditionalProperties != nil && definition.AdditionalProperties.Schema != nil {
			log.Printf("%s is a map", name)
		}
		for property, schema := range definition.Properties {
			it := field{name: property, form: "object"}
			ref := schema.Ref.String()
			if ref == "" && schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
				it.form = "map"
				inner := schema.AdditionalProperties.Schema
				ref = inner.Ref.String()
				if len(inner.Type) == 1 && inner.Type[0] == "array" {
					it.form = "maplist"
					ref = inner.Items.Schema.Ref.String()
				}
			} else if ref == "" && len(schema.Type) == 1 && schema.Type[0] == "array" {
				it.form = "list"
				if schema.Items != nil && schema.Items.Schema != nil {
					ref = schema.Items.Schema.Ref.String()
				}
				resource := openapi.ResourceSchema{Schema: &schema}
				strategy, keys := resource.PatchStrategyAndKeyList()
				for _, one := range strings.Split(strategy, ",") {
					if one == "merge" {
						it.merge = "merge " + strings.Join(keys, ",")
					}
				}
			}
			it.of = strings.TrimPrefix(ref, prefix)
			fields[name] = append(fields[name], it)
		}
		sort.Slice(fields[name], func(i, j int) bool { return fields[name][i].name < fields[name][j].name })
	}
	// From which definitions a merging list can be reached.
	useful := map[string]bool{}
	for changed := true; changed; {
		changed = false
		for _, name := range names {
			for _, it := range fields[name] {
				if !useful[name] && (it.merge != "" || useful[it.of]) {
					useful[name] = true
					changed = true
				}
			}
		}
	}
	short := func(name string) string {
		if useful[name] {
			return name
		}
		return "-"
	}
	for _, name := range names {
		if !useful[name] {
			continue
		}
		fmt.Fprintln(out, "type", name)
		for _, it := range fields[name] {
			if it.merge != "" || useful[it.of] {
				fmt.Fprintln(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", it.name, it.form, short(it.of), it.merge)))
			}
		}
	}
	var kinds, scopes []string
	for _, name := range names {
		gvks, _ := definitions[name].Extensions["x-kubernetes-group-version-kind"].([]interface{})
		for _, one := range gvks {
			gvk, ok := one.(map[string]interface{})
			if !ok {
				continue
			}
			group, _ := gvk["group"].(string)
			version, _ := gvk["version"].(string)
			kind, _ := gvk["kind"].(string)
			it := resid.NewGvk(group, version, kind)
			if group == "" {
				group = "-"
			}
			if useful[name] {
				kinds = append(kinds, fmt.Sprintln("kind", group, version, kind, name))
			} else {
				kinds = append(kinds, fmt.Sprintln("kind", group, version, kind, "-"))
			}
			if namespaced, found := openapi.IsNamespaceScoped(it.AsTypeMeta()); found {
				word := "cluster"
				if namespaced {
					word = "namespaced"
				}
				scopes = append(scopes, fmt.Sprintln("scope", word, group, version, kind))
			}
		}
	}
	// The scopes of some kinds are known that have no definition.
	for _, it := range rows([]string{filepath.Join(source("kyaml"), "openapi/openapi.go")}) {
		version, _ := it["aPIVersion"].(string)
		kind, _ := it["kind"].(string)
		group, name, isGroup := strings.Cut(version, "/")
		if !isGroup {
			group, name = "-", version
		}
		if namespaced, found := openapi.IsNamespaceScoped(yaml2.TypeMeta{APIVersion: version, Kind: kind}); found && !namespaced {
			line := fmt.Sprintln("scope cluster", group, name, kind)
			if !slices.Contains(scopes, line) {
				scopes = append(scopes, line)
			}
		}
	}
	sort.Strings(kinds)
	sort.Strings(scopes)
	for _, line := range append(kinds, scopes...) {
		fmt.Fprint(out, line)
	}
}

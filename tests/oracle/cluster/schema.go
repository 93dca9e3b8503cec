package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	applyconfigurations "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

// kinds are the built-in kinds that client-go knows, with the type that their objects have.
func kinds() (map[runtimeschema.GroupVersionKind]string, *schema.Schema) {
	converter := applyconfigurations.NewTypeConverter(scheme.Scheme)
	found := map[runtimeschema.GroupVersionKind]string{}
	var all *schema.Schema
	for gvk := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version == runtime.APIVersionInternal || strings.HasSuffix(gvk.Kind, "List") || strings.HasSuffix(gvk.Kind, "Options") {
			continue
		}
		object := &unstructured.Unstructured{Object: map[string]any{}}
		object.SetGroupVersionKind(gvk)
		value, err := converter.ObjectToTyped(object)
		if err != nil || value.TypeRef().NamedType == nil {
			continue
		}
		name := *value.TypeRef().NamedType
		if strings.HasPrefix(name, "__") {
			continue
		}
		found[gvk] = name
		all = value.Schema()
	}
	return found, all
}

func short(name string) string {
	name = strings.TrimPrefix(name, "io.k8s.api.")
	name = strings.TrimPrefix(name, "io.k8s.apimachinery.pkg.apis.")
	name = strings.TrimPrefix(name, "io.k8s.apiserver.pkg.apis.")
	return strings.TrimPrefix(name, "io.k8s.apimachinery.pkg.")
}

type printer struct {
	all         *schema.Schema
	interesting map[string]bool
	lines       map[string][]string
}

// row says what a field is, or nothing where the rule for everything unknown says the same: maps field by field, lists as a whole.
func (p *printer) row(ref schema.TypeRef) string {
	atom, ok := p.all.Resolve(ref)
	if !ok {
		return ""
	}
	name := ""
	if ref.NamedType != nil {
		name = short(*ref.NamedType)
	}
	switch {
	case strings.HasPrefix(name, "__"):
		return "any"
	case atom.Map != nil && atom.List != nil:
		return "any"
	case atom.Map != nil && atom.Map.ElementRelationship == schema.Atomic:
		return "atomic"
	case atom.Map != nil && len(atom.Map.Fields) > 0:
		p.visit(*ref.NamedType)
		if p.interesting[name] {
			return ">" + name
		}
	case atom.Map != nil:
		element := atom.Map.ElementType
		if element.NamedType != nil {
			p.visit(*element.NamedType)
			if p.interesting[short(*element.NamedType)] {
				return "map>" + short(*element.NamedType)
			}
		}
		return "map"
	case atom.List != nil && atom.List.ElementRelationship == schema.Associative:
		element, _ := p.all.Resolve(atom.List.ElementType)
		if len(atom.List.Keys) == 0 {
			return "set"
		}
		keys := []string{}
		for _, key := range atom.List.Keys {
			if field, ok := element.Map.FindField(key); ok && field.Default != nil && fmt.Sprint(field.Default) != "" {
				key += "=" + fmt.Sprint(field.Default)
			}
			keys = append(keys, key)
		}
		if element.Map.ElementRelationship == schema.Atomic {
			return "list:" + strings.Join(keys, ",") + ">atomic"
		}
		p.visit(*atom.List.ElementType.NamedType)
		return "list:" + strings.Join(keys, ",") + ">" + short(*atom.List.ElementType.NamedType)
	}
	return ""
}

func (p *printer) visit(full string) {
	name := short(full)
	if _, done := p.lines[name]; done {
		return
	}
	p.lines[name] = nil
	atom, ok := p.all.Resolve(schema.TypeRef{NamedType: &full})
	if !ok || atom.Map == nil {
		return
	}
	rows := []string{}
	for _, field := range atom.Map.Fields {
		if row := p.row(field.Type); row != "" {
			rows = append(rows, name+" "+field.Name+" "+row)
		}
	}
	sort.Strings(rows)
	p.lines[name] = rows
	p.interesting[name] = len(rows) > 0
}

func printSchema() error {
	found, all := kinds()
	// A type may contain itself (JSONSchemaProps), so what is interesting is known only after a second round.
	p := &printer{all: all, interesting: map[string]bool{}, lines: map[string][]string{}}
	for round := 0; round < 3; round++ {
		p.lines = map[string][]string{}
		for _, name := range found {
			p.visit(name)
		}
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, "# How server-side apply sees the fields of the built-in kinds (client-go 0.36.2). Printed by tests/oracle/cluster; not written by hand.")
	fmt.Fprintln(out, "# Maps are merged field by field and lists replaced as a whole, unless a row says otherwise.")
	lines := []string{}
	for gvk, name := range found {
		group := gvk.Group
		if group == "" {
			group = "-"
		}
		lines = append(lines, fmt.Sprintf("kind %s %s %s %s", group, gvk.Version, gvk.Kind, short(name)))
	}
	for _, rows := range p.lines {
		lines = append(lines, rows...)
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	return nil
}

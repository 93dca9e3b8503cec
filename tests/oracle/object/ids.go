package main

import (
	"bytes"
	"fmt"
	"sort"

	objects "github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ids parses every `parse` text and prints every `print` id, as an inventory and as an event name it.
func ids(input []byte) (any, error) {
	document, err := read(input)
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, text := range document["parse"].([]any) {
		id, err := objects.ParseObjMetadata(text.(string))
		if err != nil {
			rows = append(rows, row{"parse " + text.(string), "refused"})
			continue
		}
		rows = append(rows, row{"parse " + text.(string), object{
			"namespace": id.Namespace, "name": id.Name, "group": id.GroupKind.Group, "kind": id.GroupKind.Kind,
			"again": id.String(),
		}})
	}
	for _, fields := range document["print"].([]any) {
		four := fields.([]any)
		id := objects.ObjMetadata{Namespace: four[0].(string), Name: four[1].(string),
			GroupKind: schema.GroupKind{Group: four[2].(string), Kind: four[3].(string)}}
		rows = append(rows, row{fmt.Sprintf("print %v", four), object{
			"inventory": id.String(), "event": utils.FmtObjMetadata(id),
		}})
	}
	return rows, nil
}

// manifest reads the short form `group/version Kind namespace/name` of a list of objects.
func manifest(lines []any) []*unstructured.Unstructured {
	list := []*unstructured.Unstructured{}
	for _, line := range lines {
		var version, kind, namespace, name string
		if n, _ := fmt.Sscan(line.(string), &version, &kind, &name, &namespace); n < 3 {
			panic(fmt.Sprintf("%q is not `apiVersion Kind name [namespace]`", line))
		}
		u := &unstructured.Unstructured{Object: object{}}
		u.SetAPIVersion(version)
		u.SetKind(kind)
		u.SetName(name)
		u.SetNamespace(namespace)
		list = append(list, u)
	}
	return list
}

func short(list []*unstructured.Unstructured) []string {
	lines := []string{}
	for _, u := range list {
		line := u.GetAPIVersion() + " " + u.GetKind() + " " + u.GetName()
		if u.GetNamespace() != "" {
			line += " " + u.GetNamespace()
		}
		lines = append(lines, line)
	}
	return lines
}

// order sorts every set for apply and for delete.
func order(input []byte) (any, error) {
	document, err := read(input)
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, name := range names(document) {
		apply := manifest(document[name].([]any))
		sort.Sort(ssa.SortableUnstructureds(apply))
		remove := manifest(document[name].([]any))
		sort.Sort(sort.Reverse(ssa.SortableUnstructureds(remove)))
		rows = append(rows, row{name, object{"apply": short(apply), "delete": short(remove)}})
	}
	return rows, nil
}

// stage says in which stage of an apply each object comes.
func stage(input []byte) (any, error) {
	document, err := read(input)
	if err != nil {
		return nil, err
	}
	custom, err := utils.ParseGroupKindSet(document["custom"].(string))
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, u := range manifest(document["objects"].([]any)) {
		stage := 4
		switch {
		case utils.IsClusterDefinition(u):
			stage = 1
		case utils.IsClassDefinition(u):
			stage = 2
		case utils.IsCustomStage(u, custom):
			stage = 3
		}
		rows = append(rows, row{short([]*unstructured.Unstructured{u})[0], stage})
	}
	return rows, nil
}

// list reads the documents of every case as Flux reads what it built.
func list(input []byte) (any, error) {
	document, err := read(input)
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, name := range names(document) {
		documents, ok := document[name].(string)
		if !ok {
			documents = document[name].(object)["documents"].(string)
		}
		read, err := utils.ReadObjects(bytes.NewReader([]byte(documents)))
		if err != nil {
			rows = append(rows, row{name, object{"error": err.Error()}})
			continue
		}
		rows = append(rows, row{name, object{"objects": short(read)}})
	}
	return rows, nil
}

func names(document object) []string {
	keys := []string{}
	for key := range document {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

package main

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

// shapesOf prints the shape of every built-in kind, as far as the trip through Go's types shows it.
func shapesOf(out io.Writer) error {
	table := shapes{named: map[reflect.Type]string{}, taken: map[string]bool{}}
	kinds := []string{}
	for gvk, kind := range scheme.Scheme.AllKnownTypes() {
		if _, ok := reflect.New(kind).Interface().(metav1.Object); !ok || gvk.Version == runtime.APIVersionInternal {
			continue
		}
		name, err := table.refer(kind)
		if err != nil {
			return err
		}
		kinds = append(kinds, fmt.Sprintf("%s %s %s", gvk.GroupVersion(), gvk.Kind, strings.TrimPrefix(name, "#")))
	}
	sort.Strings(kinds)
	sort.Strings(table.lines)
	fmt.Fprintln(out, "# The Go types of the built-in kinds (k8s.io/api 0.36), as their JSON fields. Printed by tests/oracle/object; not written by hand.")
	fmt.Fprintln(out, "# Kinds: apiVersion, kind, type.")
	fmt.Fprintln(out, strings.Join(kinds, "\n"))
	fmt.Fprintln(out, "# Types: name, then fields. `?` omits an empty value, `!` a zero one. `*` pointer, `[` list, `{` map, `#` type; s b i j")
	fmt.Fprintln(out, "# string, bool, int32, int64; y bytes, q quantity, t time, u micro time, x int or string, r raw JSON.")
	_, err := fmt.Fprintln(out, strings.Join(table.lines, "\n"))
	return err
}

type shapes struct {
	named map[reflect.Type]string
	taken map[string]bool
	lines []string
}

var leaves = map[reflect.Type]string{
	reflect.TypeFor[resource.Quantity]():    "q",
	reflect.TypeFor[metav1.Time]():          "t",
	reflect.TypeFor[metav1.MicroTime]():     "u",
	reflect.TypeFor[intstr.IntOrString]():   "x",
	reflect.TypeFor[runtime.RawExtension](): "r",
	reflect.TypeFor[metav1.FieldsV1]():      "r",
}

func (s *shapes) refer(t reflect.Type) (string, error) {
	if leaf, ok := leaves[t]; ok {
		return leaf, nil
	}
	pointer := reflect.PointerTo(t)
	if pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) || pointer.Implements(reflect.TypeFor[json.Marshaler]()) ||
		pointer.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		if t.Kind() != reflect.Pointer {
			return "", fmt.Errorf("%s has a JSON form of its own", t)
		}
	}
	prefix := ""
	switch t.Kind() {
	case reflect.String:
		return "s", nil
	case reflect.Bool:
		return "b", nil
	case reflect.Int32:
		return "i", nil
	case reflect.Int64:
		return "j", nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "y", nil
		}
		prefix = "["
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return "", fmt.Errorf("%s has keys that are no text", t)
		}
		prefix = "{"
	case reflect.Pointer:
		prefix = "*"
	case reflect.Struct:
		return s.structure(t)
	default:
		return "", fmt.Errorf("%s is of a kind that has no form", t)
	}
	of, err := s.refer(t.Elem())
	return prefix + of, err
}

func (s *shapes) structure(t reflect.Type) (string, error) {
	if name, ok := s.named[t]; ok {
		return "#" + name, nil
	}
	path := strings.Split(t.PkgPath(), "/")
	name := t.Name()
	if group := path[len(path)-2]; group != "core" && group != "meta" {
		name = group + "." + path[len(path)-1] + "." + name
	}
	if s.taken[name] {
		name = t.PkgPath() + "." + t.Name()
	}
	s.taken[name] = true
	s.named[t] = name
	line := name
	for i := range t.NumField() {
		field := t.Field(i)
		tag := strings.Split(field.Tag.Get("json"), ",")
		key := tag[0]
		if key == "" && !field.Anonymous {
			key = field.Name
		}
		marks := ""
		for _, option := range tag[1:] {
			switch option {
			case "omitempty":
				marks += "?"
			case "omitzero":
				marks += "!"
			}
		}
		of, err := s.refer(field.Type)
		if err != nil {
			return "", fmt.Errorf("%s.%s: %w", t, field.Name, err)
		}
		line += " " + key + marks + ":" + of
	}
	s.lines = append(s.lines, line)
	return "#" + name, nil
}

var (
	versions   = []string{"v0.33.13", "v0.34.13", "v0.35.10", "v0.36.6", "v0.37.2"}
	generated  = regexp.MustCompile(`^// \+genclient(:.*)?$`)
	kindLine   = regexp.MustCompile(`^type (\w+) struct`)
	groupName  = regexp.MustCompile(`(?m)GroupName = "(.*)"$`)
	rootMarker = regexp.MustCompile(`^// \+k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object`)
)

// scope prints group, kind, scope and the releases of Kubernetes whose API module has the kind, from the markers that
// Kubernetes' own client generator reads.
func scope(out io.Writer) error {
	modules := map[string]string{
		"k8s.io/api":                     "",
		"k8s.io/apiextensions-apiserver": "pkg/apis",
		"k8s.io/kube-aggregator":         "pkg/apis",
	}
	found := map[string]map[string]bool{}
	for module, below := range modules {
		for _, version := range versions {
			text, err := exec.Command("go", "mod", "download", "-json", module+"@"+version).Output()
			if err != nil {
				return fmt.Errorf("%s@%s: %w", module, version, err)
			}
			var answer struct{ Dir string }
			if err := json.Unmarshal(text, &answer); err != nil {
				return err
			}
			registers, err := filepath.Glob(filepath.Join(answer.Dir, below, "*", "*", "register.go"))
			if err != nil {
				return err
			}
			for _, register := range registers {
				if err := markers(register, strings.TrimSuffix(version[:len("v0.33")], "."), found); err != nil {
					return err
				}
			}
		}
	}
	lines := []string{}
	for line, releases := range found {
		list := []string{}
		for release := range releases {
			list = append(list, release)
		}
		sort.Strings(list)
		lines = append(lines, line+" "+strings.Join(list, ","))
	}
	sort.Strings(lines)
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

func markers(register, version string, found map[string]map[string]bool) error {
	text, err := os.ReadFile(register)
	if err != nil {
		return err
	}
	match := groupName.FindSubmatch(text)
	if match == nil {
		return nil
	}
	group := string(match[1])
	if group == "" {
		group = "-"
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(register), "*types*.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		client, cluster, root := false, false, false
		for _, line := range strings.Split(string(text), "\n") {
			switch {
			case generated.MatchString(line):
				client = true
				cluster = cluster || strings.Contains(line, ":nonNamespaced")
			case rootMarker.MatchString(line):
				root = true
			case kindLine.MatchString(line):
				kind := kindLine.FindStringSubmatch(line)[1]
				if client && root {
					scope := "Namespaced"
					if cluster {
						scope = "Cluster"
					}
					key := group + " " + kind + " " + scope
					if found[key] == nil {
						found[key] = map[string]bool{}
					}
					found[key]["1."+strings.TrimPrefix(version, "v0.")] = true
				}
				client, cluster, root = false, false, false
			case strings.HasPrefix(line, "}"):
				client, cluster, root = false, false, false
			}
		}
	}
	return nil
}

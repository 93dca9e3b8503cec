// Prints the rows of text/template's own tests, with data made of maps and lists. What is expected is what the original
// makes of that data, so that each row holds whatever was lost with the types. See own/fmt.
package template

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// simplify turns structs into maps, leaving out what the engine cannot hold.
func simplify(v reflect.Value, depth int) (any, bool) {
	if depth > 6 || !v.IsValid() {
		return nil, !v.IsValid()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return simplify(v.Elem(), depth)
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			if field, ok := simplify(v.Field(i), depth+1); ok && v.Type().Field(i).IsExported() {
				out[v.Type().Field(i).Name] = field
			}
		}
		return out, true
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			return nil, false
		}
		out := map[string]any{}
		for _, key := range v.MapKeys() {
			if item, ok := simplify(v.MapIndex(key), depth+1); ok {
				out[key.String()] = item
			}
		}
		return out, true
	case reflect.Slice, reflect.Array:
		if v.CanInterface() {
			if _, ok := Encode(v.Interface()); ok {
				return v.Interface(), true
			}
		}
		out := []any{}
		for i := range v.Len() {
			item, ok := simplify(v.Index(i), depth+1)
			if !ok {
				return nil, false
			}
			out = append(out, item)
		}
		return out, true
	default:
		if !v.CanInterface() {
			return nil, false
		}
		_, ok := Encode(v.Interface())
		return v.Interface(), ok
	}
}

func TestDump(t *testing.T) {
	var rows []any
	add := func(before [][2]string, input string, data any) {
		simple, ok := simplify(reflect.ValueOf(data), 0)
		if !ok {
			return
		}
		encoded, ok := Encode(simple)
		if !ok {
			t.Logf("cannot encode %v", simple)
			return
		}
		text, err := json.Marshal(encoded)
		must(err)
		var again any
		must(json.Unmarshal(text, &again))
		expected := map[string]any{}
		row := map[string]any{"template": Text(input), "data": encoded, "builtins": true, "expected": expected}
		root := New("t")
		for _, before := range before {
			_, err := root.New(before[0]).Parse(before[1])
			must(err)
		}
		if before != nil {
			row["before"] = before
		}
		if _, err := root.Parse(input); err != nil {
			expected["error"] = Text(err.Error())
		} else {
			var out strings.Builder
			if err := root.Execute(&out, Decode(again)); err != nil {
				expected["error"] = Text(err.Error())
			}
			expected["out"] = Text(out.String())
			if strings.Contains(out.String(), "0xc0") {
				return
			}
		}
		rows = append(rows, row)
	}
	for _, test := range execTests {
		add(nil, test.input, test.data)
	}
	for _, test := range multiExecTests {
		add([][2]string{{"one", multiText1}, {"two", multiText2}}, test.input, test.data)
	}
	for _, test := range cmpTests {
		add(nil, fmt.Sprintf("{{if %s}}true{{else}}false{{end}}", test.expr), map[string]any{
			"Uthree": uint(3), "Ufour": uint(4), "NegOne": -1, "Three": 3, "NonNilMap": map[string]any{},
			"Map": map[string]any(nil), "V1": []any{1}, "V2": []any{2}, "NilIface": nil, "Ptr": nil, "NilPtr": nil,
		})
	}
	for _, test := range multiParseTests {
		add(nil, test.input, nil)
	}
	must(os.WriteFile(os.Getenv("AIRLOCK_ROWS"), []byte(Lines(rows)), 0o644))
}

// Package value writes Go's values as JSON and reads them back. What JSON has no word for is an object with one key that
// begins with a dollar: {"$int": "5"}, {"$strings": ["a"]}, {"$nil": "map"}.
package value

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Values is a map type with a name, as Helm's common.Values is one.
type Values map[string]any

// Decode makes the value that a decoded JSON document stands for.
func Decode(in any) any {
	switch in := in.(type) {
	case []any:
		list := make([]any, len(in))
		for i, item := range in {
			list[i] = Decode(item)
		}
		return list
	case map[string]any:
		for key, arg := range in {
			if len(in) == 1 && key != "" && key[0] == '$' {
				return special(key, arg)
			}
		}
		out := map[string]any{}
		for key, item := range in {
			out[key] = Decode(item)
		}
		return out
	default:
		return in
	}
}

func special(key string, arg any) any {
	integer := func(bits int) int64 {
		n, err := strconv.ParseInt(arg.(string), 10, bits)
		must(err)
		return n
	}
	unsigned := func(bits int) uint64 {
		n, err := strconv.ParseUint(arg.(string), 10, bits)
		must(err)
		return n
	}
	float := func(arg any, bits int) float64 {
		f, err := strconv.ParseFloat(arg.(string), bits)
		must(err)
		return f
	}
	binary := func() []byte {
		b, err := base64.StdEncoding.DecodeString(arg.(string))
		must(err)
		return b
	}
	switch key {
	case "$int":
		return int(integer(64))
	case "$int8":
		return int8(integer(8))
	case "$int16":
		return int16(integer(16))
	case "$int32":
		return int32(integer(32))
	case "$int64":
		return integer(64)
	case "$uint":
		return uint(unsigned(64))
	case "$uint8":
		return uint8(unsigned(8))
	case "$uint16":
		return uint16(unsigned(16))
	case "$uint32":
		return uint32(unsigned(32))
	case "$uint64":
		return unsigned(64)
	case "$uintptr":
		return uintptr(unsigned(64))
	case "$float32":
		return float32(float(arg, 32))
	case "$float64":
		return float(arg, 64)
	case "$complex128":
		parts := arg.([]any)
		return complex(float(parts[0], 64), float(parts[1], 64))
	case "$string":
		return string(binary())
	case "$bytes":
		return binary()
	case "$strings":
		out := make([]string, len(arg.([]any)))
		for i, item := range arg.([]any) {
			out[i] = Decode(item).(string)
		}
		return out
	case "$ints":
		out := make([]int, len(arg.([]any)))
		for i, item := range arg.([]any) {
			n, err := strconv.Atoi(item.(string))
			must(err)
			out[i] = n
		}
		return out
	case "$maps":
		out := make([]map[string]any, len(arg.([]any)))
		for i, item := range arg.([]any) {
			out[i] = Decode(item).(map[string]any)
		}
		return out
	case "$stringmap":
		out := map[string]string{}
		for key, item := range arg.(map[string]any) {
			out[key] = Decode(item).(string)
		}
		return out
	case "$values":
		return Values(Decode(arg).(map[string]any))
	case "$nil":
		switch arg {
		case "map":
			return map[string]any(nil)
		case "list":
			return []any(nil)
		case "strings":
			return []string(nil)
		}
	}
	panic(fmt.Sprintf("%s of %v", key, arg))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Text writes a string, or its bytes where it is not UTF-8.
func Text(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return map[string]any{"$string": base64.StdEncoding.EncodeToString([]byte(s))}
}

// Encode writes a value; false where there is no way to.
func Encode(v any) (any, bool) {
	r := reflect.ValueOf(v)
	if !r.IsValid() {
		return nil, true
	}
	if r.Type().PkgPath() != "" && r.Type() != reflect.TypeFor[Values]() {
		return nil, false
	}
	number := func(text string) (any, bool) { return map[string]any{"$" + r.Type().String(): text}, true }
	float := func(f float64, bits int) string { return strconv.FormatFloat(f, 'g', -1, bits) }
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		return Text(v), true
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, uintptr:
		return number(fmt.Sprint(v))
	case float32:
		return number(float(float64(v), 32))
	case float64:
		// JSON has no word for some, and not every reader of it reads the others to the last bit.
		if text := float(v, 64); v != v || len(text) > 15 || text == "-0" || strings.ContainsAny(text, "eIn") {
			return number(text)
		}
		return v, true
	case complex128:
		return map[string]any{"$complex128": []string{float(real(v), 64), float(imag(v), 64)}}, true
	case []byte:
		return map[string]any{"$bytes": base64.StdEncoding.EncodeToString(v)}, v != nil
	case []string:
		if v == nil {
			return map[string]any{"$nil": "strings"}, true
		}
		out := []any{}
		for _, item := range v {
			out = append(out, Text(item))
		}
		return map[string]any{"$strings": out}, true
	case []int:
		out := []any{}
		for _, item := range v {
			out = append(out, strconv.Itoa(item))
		}
		return map[string]any{"$ints": out}, v != nil
	case []any:
		if v == nil {
			return map[string]any{"$nil": "list"}, true
		}
		out := []any{}
		for _, item := range v {
			encoded, ok := Encode(item)
			if !ok {
				return nil, false
			}
			out = append(out, encoded)
		}
		return out, true
	case []map[string]any:
		out := []any{}
		for _, item := range v {
			encoded, ok := Encode(item)
			if !ok {
				return nil, false
			}
			out = append(out, encoded)
		}
		return map[string]any{"$maps": out}, v != nil
	case map[string]string:
		out := map[string]any{}
		for key, item := range v {
			out[key] = Text(item)
		}
		return map[string]any{"$stringmap": out}, v != nil && valid(v)
	case Values:
		out, ok := Encode(map[string]any(v))
		return map[string]any{"$values": out}, ok && v != nil
	case map[string]any:
		if v == nil {
			return map[string]any{"$nil": "map"}, true
		}
		out := map[string]any{}
		for key, item := range v {
			encoded, ok := Encode(item)
			if !ok || !utf8.ValidString(key) || len(v) == 1 && key != "" && key[0] == '$' {
				return nil, false
			}
			out[key] = encoded
		}
		return out, true
	}
	return nil, false
}

func valid(m map[string]string) bool {
	for key := range m {
		if !utf8.ValidString(key) {
			return false
		}
	}
	return true
}

// Lines prints rows as a JSON array with a row a line.
func Lines(rows []any) string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		line, err := json.Marshal(row)
		must(err)
		lines[i] = string(line)
	}
	return "[\n" + strings.Join(lines, ",\n") + "\n]\n"
}

package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/semver/v3"
	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// marshalled wraps a marshaller as Helm does: what goes wrong is an empty text, or a panic.
func marshalled(how func(any) ([]byte, error), must bool) func(any) string {
	return func(v any) string {
		data, err := how(v)
		if err != nil {
			if must {
				panic(err)
			}
			return ""
		}
		return strings.TrimSuffix(string(data), "\n")
	}
}

func tomlText(v any) (string, error) {
	var out bytes.Buffer
	err := toml.NewEncoder(&out).Encode(v)
	return out.String(), err
}

// read wraps an unmarshaller into a map as Helm does: the error is an entry.
func read(how func([]byte, any) error) func(string) map[string]any {
	return func(text string) map[string]any {
		m := map[string]any{}
		if err := how([]byte(text), &m); err != nil {
			m["Error"] = err.Error()
		}
		return m
	}
}

func readList(how func([]byte, any) error) func(string) []any {
	return func(text string) []any {
		a := []any{}
		if err := how([]byte(text), &a); err != nil {
			a = []any{err.Error()}
		}
		return a
	}
}

func pretty(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := yamlv3.NewEncoder(&out)
	encoder.SetIndent(2)
	err := encoder.Encode(v)
	return out.Bytes(), err
}

// installHelm puts Helm's functions before those of Sprig.
func installHelm() {
	plain := func(v any) ([]byte, error) { return yaml.Marshal(v) }
	jsonText := func(must bool) func(any) string {
		return func(v any) string {
			data, err := json.Marshal(v)
			if err != nil {
				if must {
					panic(err)
				}
				return ""
			}
			return string(data)
		}
	}
	yamlRead := func(data []byte, v any) error { return yaml.Unmarshal(data, v) }
	tomlRead := func(data []byte, v any) error { return toml.Unmarshal(data, v) }
	for name, function := range map[string]any{
		"toYaml": marshalled(plain, false), "mustToYaml": marshalled(plain, true), "toYamlPretty": marshalled(pretty, false),
		"toJson": jsonText(false), "mustToJson": jsonText(true),
		"fromYaml": read(yamlRead), "fromYamlArray": readList(yamlRead), "fromJson": read(json.Unmarshal), "fromJsonArray": readList(json.Unmarshal), "fromToml": read(tomlRead),
		"toToml": func(v any) string {
			text, err := tomlText(v)
			if err != nil {
				return err.Error()
			}
			return text
		},
		"mustToToml": func(v any) string {
			text, err := tomlText(v)
			if err != nil {
				panic(err)
			}
			return text
		},
	} {
		funcs[name] = function
	}
}

func helmRows() {
	installHelm()
	version := semver.MustParse("v1.2.3-rc+b")
	values := list{
		dict{"a": 1, "b": dict{"c": list{1, 2}, "d": "x"}, "f": 1.5}, dict{"z": dict{}, "y": list{}, "x": nil, "w": dict{"v": nil}}, dict{"t": list{dict{"a": 1}, dict{"b": dict{"c": 2}}}, "s": "first"},
		dict{"m": list{1, dict{"a": 1}}, "n": list{list{1}, list{"a", list{}}}, "o": list{dict{}, dict{}}}, dict{"in": list{list{dict{"a": 1, "b": nil, "c": dict{"d": 1}}}, 1}, "p": list{1, dict{"z": nil}}, "q": list{1, dict{"a": 1, "m": dict{}}}}, dict{"a.b": 1, "": 2, "ü": 3, "q\"": 4, "k k": dict{"x.y": dict{"": 1}}},
		dict{"s": "tab\tnl\nq\"b\\u\u0001\x7fé", "bad": "\xff"}, dict{"f1": 1.0, "f2": 1e21, "f3": 1e-7, "f4": math.Inf(1), "f5": math.Inf(-1), "f6": math.NaN(), "f7": -0.0, "f8": float32(0.1), "f9": 123456789.0}, dict{"i": int64(-5), "u": uint64(1 << 63), "b": true, "y": []byte("ab"), "st": []string{"a"}, "sm": map[string]string{"k": "v"}},
		dict{"nil": list{nil}}, dict{"nil": list{1, list{nil}}}, list{1, 2}, list{dict{"a": 1}}, list{}, "text", 1, 1.5, true, nil, dict{}, dict(nil), list(nil), dict{"l": list(nil), "m": dict(nil), "s": []string(nil)}, []dict{{"a": 1}, {"b": 2}}, dict{"ms": []dict{{"a": 1}, nil, {"b": 2}}}, dict{"when": now, "v": version, "d": time.Duration(1500)}, dict{"e": list{dict{"x": list{dict{"y": 1}}}}}, dict{"deep": dict{"er": dict{"est": dict{"k": 1}}, "ka": 1}},
	}
	for _, name := range []string{"toToml", "mustToToml"} {
		each(name, values)
		each(name, words)
	}
	for _, name := range []string{"toYaml", "mustToYaml", "toYamlPretty", "toJson", "mustToJson"} {
		if name != "toYamlPretty" {
			each(name, values)
			each(name, words)
			each(name, things)
			each(name, lists)
		}
		each(name, list{"multi\nline\n", "multi\nline", " lead", "trail ", "a: b", "- x", "#c", "yes", "null", "1e3", "0x1F", "1_000", "2001-01-01", "~", "=", "<<", "a long line that goes on and on beyond the eightieth column so that it would have to be folded by some", dict{"k9": 1, "k10": 2, "_x": 3, "1": 4, "B": 5, "a-b": 6}, dict{"script": "#!/bin/sh\nset -e\n  echo \"x\"\n"}, list{dict{"a": 1, "b": list{1, dict{"c": 2}}}}, "é\u2028\u00a0", "\U0001F600", 1e21, 1e20, 1e-6, 1e-7, 123456789012345678.0})
	}
	// go-yaml v3 marks text that is no UTF-8 as binary and leaves times without quotes, which nobody needs of us.
	for _, it := range append(append(list{}, values...), words...) {
		if text := marshalled(pretty, true)(it); !strings.Contains(text, "!!binary") && !strings.Contains(text, "when") {
			call("toYamlPretty", it)
		}
	}
	for _, name := range []string{"fromYaml", "fromYamlArray"} {
		each(name, list{"", "a: 1", "a: yes\nb: 0644\nc: 1e3\nd: 2001-01-01\ne: [1, 2]", "- 1\n- a", "a", "1", "true", "null", "~", "a:\tb", "a: b: c", "{a: 1, b: {c: [d]}}", "[1, {a: b}]", "a: &x 1\nb: *x", "a: *x", "a: 1\na: 2", "---\na: 1\n---\nb: 2", "# only a comment", "1: x\ntrue: y\n1.5: z\nnull: n", "a: .inf", "a: .nan", "a: 18446744073709551615", "a: 99999999999999999999", "a: 0x1F", "a: 0o17", "a: 1_000", "a: !!str 1", "a: !foo x", "a: |\n  x\n  y", "a: >\n  x\n  y\n", "a:\n- b\n- c: d", "\xff", "a: \"\\u00e9\"", "? [a]\n: b", "<<: {a: 1}\nb: 2", "a: 'it''s'", "\ta: 1", "a: [1", "a: {b", "\"a", "a: 1e999", "- - - 1", "[]", "{}", "a: 9007199254740993"})
	}
	for _, name := range []string{"fromJson", "fromJsonArray"} {
		each(name, list{"", "{}", "[]", "null", "{\"a\":1,\"b\":[1,{\"c\":null}]}", "[1,\"a\",{\"b\":2}]", "1", "\"a\"", "true", "{\"a\":1e999}", "[1e999]", "{a:1}", "{\"a\":", "[1,", "{\"a\":1} x", "nul"})
	}
	documents := list{
		"", "# comment", "a = 1", "a=1\nb = 'x'\r\nc = \"y\"", "a = 1 # c\n\n[t]\nb = 2\n[t.u]\nc = 3\n[[l]]\nd = 4\n[[l]]\ne = 5\n[l.m]\nf = 6", "a.b.c = 1\na.d = 2", "\"a.b\" = 1\n'c d' = 2\n\"\" = 3", "a = [1, 2, # c\n 3,\n]", "a = []", "a = [[1], [\"x\", {b = 1}]]", "a = {b = 1, c = {d = 2}, e.f = 3}", "a = {}", "a = {\n b = 1, # c\n c = 2,\n}", "a = true\nb = false",
		"i = +1\nj = -1\nk = 0\nl = 1_000\nm = 0xFF\nn = 0o17\no = 0b101\np = -0", "f = 1.5\ng = -1e3\nh = 1E-2\ni = inf\nj = -inf\nk = nan\nl = +nan\nm = 1_0.0_1\nn = +inf\no = 6.6e+2\np = -nan", "d = 1979-05-27T07:32:00Z\ne = 1979-05-27 00:32:00.5-07:00\nf = 1979-05-27T07:32:00\ng = 1979-05-27\nh = 07:32:00.123\ni = 1979-05-27t07:32z\nj = 07:32\nk = 1979-05-27T07:32",
		"s = \"a\\tb\\n\\\"\\\\\\u00e9\\U0001F600\\x41\\e\\b\\f\\r\"", "s = \"\"\"\na\n b\\\n   c \\\" \"\"\"", "s = '''\na\\n'x'\n'''", "s = \"\"\"a\"\"\"\"\"", "s = '''a'''''", "s = \"\"\"a\"\"\"\"\"\"", "s = \"\"\"\\\n\n  x\\\\\\\n y\"\"\"", "s = \"\"", "s = \"\"\"\"\"\"", "s = ''''''",
		"a", "a =", "a = \n", "= 1", ".a = 1", "a. = 1", "a..b = 1", "a b = 1", "a = 1 b = 2", "a = 1\na = 2", "[a]\n[a]", "[a.b]\n[a]\nc = 1", "a = 1\n[a]", "a = 1\n[a.b]", "[[a]]\n[a]", "[a]\n[[a]]", "a = []\n[[a]]", "a = [{}]\n[[a]]", "a.b = 1\n[a]\nb = 2", "a = {b = 1}\n[a.c]", "a = {b = 1}\na.c = 2", "a = {b = 1, b = 2}", "a.b = 1\na.b.c = 2", "[a]\nb.c = 1\n[a.b]", "[]", "[a", "[a]x", "[a.]", "[.a]", "[[a]", "[[a]x", "[a b]", "[é]", "é = 1", "[\"é\"]\nx = 1", "[ a . b ]\nc = 1", "[[ a ]]\nb = 1",
		"a = x", "a = tru", "a = infx", "a = nax", "a = in", "a = .5", "a = 5.", "a = 1.e2", "a = 01", "a = -01", "a = 1__0", "a = _1", "a = 1_", "a = 0x", "a = 0xG", "a = 0b2", "a = 0o8", "a = +0x1", "a = ++1", "a = -", "a = 1.2.3", "a = 1e", "a = 1e5.5", "a = 9223372036854775807", "a = 9223372036854775808", "a = -9223372036854775808", "a = 1e400", "a = 2024-13-01", "a = 2024-1-1", "a = 24:00", "a = 7:32:00", "a = 1979-05-27T", "a = -inx", "a = +nax", "a = 00.5", "a = 1._5",
		"a = \"x", "a = \"x\ny\"", "a = 'x", "a = 'x\ny'", "a = \"\\q\"", "a = \"\\u12\"", "a = \"\\uD800\"", "a = \"\\xZZ\"", "a = \"\\", "a = \"\"\"x", "a = '''x", "a = \"\"\"\\ x\"\"\"", "a = \"\\ x\"", "a = \"\x01\"", "a = \"\xff\"", "\xff", "a\x00b", "a = 1\x00", "a = 1\rb = 2", "a = [1 2]", "a = [1", "a = [,]", "a = [1,,2]", "a = [1\n", "a = {b = 1", "a = {,}", "a = {b = 1,, c = 2}", "a = {b}", "a = {b = 1 c = 2}", "a = {b.c = 1, b = 2}", "a = {b = 1, b.c = 2}", "a = [", "a = {", "[t]\na = [1,\n2,\nx]", "x = 1\n[t]\ny = {z = [1, {w = q}]}", "\ufeffa = 1", "a = 1 \t # c\n \t", "# c\x01", "a = {b = {c = {d = 1}}}", "[a.b.c]\nd = 1\n[a]\ne = 2\n[a.b]\nf = 3", "[[a.b]]\nc = 1\n[[a.b]]\nc = 2\n[a.b.d]\ne = 3", "a = [{b = 1}, {b = 2}]", "a = [{b = 1}, {b = 2}, 3]", "a = [ { b.c = 1 } ]", "\"a\\u00e9\" = 1", "\"a\\q\" = 1", "a.\"b.c\".d = 1", "3.14 = 1", "true = 1", "a = \"é世\"",
	}
	each("fromToml", documents)
}

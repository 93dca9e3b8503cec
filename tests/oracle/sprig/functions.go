package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/Masterminds/sprig/v3"
)

// typed is a value as a row has it: what JSON tells apart as it is, else with the name of its Go type.
func typed(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case bool:
		return v
	case string:
		return text(v)
	case int:
		return v
	case float64:
		return map[string]any{"float64": strconv.FormatFloat(v, 'g', -1, 64)}
	case time.Time:
		return map[string]any{"time.Time": v.Format("2006-01-02T15:04:05.999999999 -07:00:00 MST") + " " + v.Location().String()}
	case *semver.Version:
		return map[string]any{"*semver.Version": v.Original()}
	case fmt.Stringer:
		return map[string]any{reflect.TypeOf(v).String(): v.String()}
	}
	r := reflect.ValueOf(v)
	name := r.Type().String()
	switch r.Kind() {
	case reflect.Slice:
		if r.IsNil() {
			return map[string]any{"nil": name}
		}
		items := []any{}
		for i := 0; i < r.Len(); i++ {
			items = append(items, typed(r.Index(i).Interface()))
		}
		if name == "[]interface {}" {
			return items
		}
		return map[string]any{name: items}
	case reflect.Map:
		if r.IsNil() {
			return map[string]any{"nil": name}
		}
		entries := map[string]any{}
		for _, key := range r.MapKeys() {
			entries[key.String()] = typed(r.MapIndex(key).Interface())
		}
		return map[string]any{name: entries}
	}
	return map[string]any{name: fmt.Sprint(v)}
}

var funcs = sprig.TxtFuncMap()

// call prints what a template makes of a function: its result with its type, or the whole error.
func call(name string, args ...any) {
	result, err := run(name, args)
	cells := []any{}
	for _, arg := range args {
		cells = append(cells, typed(arg))
	}
	if err != nil {
		row(name, cells, map[string]any{"error": strings.ToValidUTF8(err.Error(), "\ufffd")})
		return
	}
	row(name, cells, typed(result))
}

func run(name string, args []any) (result any, err error) {
	source, data := "{{ capture ("+name, map[string]any{}
	for i, arg := range args {
		source += fmt.Sprintf(" .a%d", i)
		data[fmt.Sprintf("a%d", i)] = arg
	}
	capture := func(v any) string { result = v; return "" }
	set, err := template.New("t").Funcs(template.FuncMap(funcs)).Funcs(template.FuncMap{"capture": capture}).Parse(source + ") }}")
	if err != nil {
		return nil, err
	}
	return result, set.Execute(&bytes.Buffer{}, data)
}

type list = []any
type dict = map[string]any

var (
	random = rand.New(rand.NewSource(5))
	now    = time.Date(2024, 2, 29, 13, 4, 5, 123456789, time.UTC)
	words  = list{
		"", "a", "hello", "Hello World", "  padded\t\n", "helloWorld", "HelloWorldHTTP", "http2xx server", "foo_bar-baz qux", "ALL CAPS", "--lead", "trail--", "__", "a.b.c", "a,b,,c",
		"line1\nline2\n", "héllo wörld", "世界 你好", "ß straße", "ǆ ǅ Ǆ", "it's \"q\"", "\x00\x01\u00a0\u2028", "bad\xffbyte", "\xff\xfe", "x1y2z3", "1st 2nd", "a\\b`c", "tab\tsep", "ſK", "İı", "word  two   spaces", "éÉ", "...!?", "foo(bar)[baz]", "$1 ${a}",
	}
	numbers = list{0, 1, -1, 2, 3, 4, 5, 7, 10, 100, -3, -100}
	things  = list{
		nil, "", "a", "0", "12", "012", "0x1F", "0b101", "0o17", "08", "9.70", "9.00", "7.00.", "0.0.0", ".0", "0.", "-7", "+7", "1_000", "1e3", "1.5", ".5", "5.", "inf", "-Inf", "nan", "0x1p-2", "1_0.5", "true", " 1", "99999999999999999999", "-99999999999999999999", "1e400",
		true, false, 0, 1, -5, 42, 3.7, -2.5, 0.5, 1e20, -1e20, 1e6, 123456789.0, 0.1, math.NaN(), math.Inf(1), math.Copysign(0, -1), int64(7), int64(math.MaxInt64), int64(math.MinInt64), int32(3), uint64(1 << 63), uint8(200), float32(0.1),
		list{}, list{1, "a", nil}, list{list{1}, dict{"x": 1}}, dict{}, dict{"a": 1, "b": list{"x"}}, []string{}, []string{"b", "a"}, []int{3, 1}, map[string]string{"k": "v"}, list(nil), dict(nil), []string(nil), []byte("bytes"), []byte{}, now, time.Duration(1500),
	}
	lists = list{
		list{}, list{1}, list{1, 2, 3}, list{1, 2.0, "3", nil, true}, list{"b", "a", "c", "a"}, list{0, "", nil, false, list{}, dict{}, "x"}, []string{"b", "a"}, []string{}, []int{1, 2, 3}, list{list{1}, list{1}, dict{"a": 1}, dict{"a": 1}},
		list{1, int64(1), 1.0, "1", 1}, []byte("abc"), list(nil), []string(nil), list{nil, nil}, []list{{1}, {2}}, []dict{{"a": 1}}, list{math.NaN(), math.NaN()}, list{[]string{}, []string(nil), list{}},
	}
)

func pick(from list) any { return from[random.Intn(len(from))] }

// each calls a function with every thing of one list.
func each(name string, from list) {
	for _, it := range from {
		call(name, it)
	}
}

// some calls a function with arguments drawn from lists.
func some(count int, name string, from ...list) {
	for i := 0; i < count; i++ {
		args := list{}
		for _, it := range from {
			args = append(args, pick(it))
		}
		call(name, args...)
	}
}

func functionRows() {
	textRows()
	numberRows()
	listRows()
	dictRows()
	typeRows()
	dateRows()
	codeRows()
	webRows()
}

func textRows() {
	call("hello")
	for _, name := range []string{"trim", "upper", "lower", "title", "untitle", "swapcase", "snakecase", "camelcase", "kebabcase", "nospace", "initials"} {
		each(name, words)
	}
	some(30, "abbrev", numbers, words)
	some(40, "abbrevboth", numbers, numbers, words)
	for _, width := range []int{5, 7, 8, 10, 12} {
		call("abbrev", width, "the quick brown fox jumps")
		for _, left := range []int{-1, 0, 3, 5, 6, 10, 20, 30} {
			call("abbrevboth", left, width, "the quick brown fox jumps")
		}
	}
	some(40, "trunc", numbers, words)
	some(60, "substr", numbers, numbers, words)
	some(20, "repeat", list{0, 1, 2, 3, -1}, words)
	call("repeat", math.MaxInt64, "ab")
	cuts := list{"", "a", " ", "-_", "éh", "\xff", "bd", "\"'", "."}
	for _, name := range []string{"trimall", "trimAll", "trimSuffix", "trimPrefix", "contains", "hasPrefix", "hasSuffix"} {
		some(20, name, cuts, words)
	}
	call("trimSuffix", "ld", "world")
	call("trimPrefix", "wo", "world")
	call("trimAll", "wd", "world")
	some(40, "wrap", list{-1, 0, 1, 3, 5, 10, 40}, append(words, "a long line of text that goes on averyveryverylongword and on"))
	some(40, "wrapWith", list{-1, 0, 1, 3, 5, 10, 40}, list{"", "\n\t", "|"}, append(words, "a long line of text that goes on averyveryverylongword and on"))
	each("quote", words)
	each("quote", things)
	each("squote", things)
	call("quote")
	call("squote")
	call("cat")
	some(20, "quote", things, words)
	some(20, "squote", things, things)
	some(30, "cat", things, things)
	some(10, "cat", things, things, things)
	some(25, "indent", list{0, 1, 2, 4, -1}, words)
	some(25, "nindent", list{0, 1, 2, 4, -1}, words)
	some(40, "replace", cuts, list{"", "X", "é", "aa"}, words)
	some(10, "plural", list{"one"}, list{"many"}, numbers)
	each("toString", things)
	each("toStrings", things)
	each("toStrings", lists)
	some(40, "join", list{"", ",", "-é-"}, lists)
	some(20, "join", list{",", " "}, things)
	each("sortAlpha", lists)
	some(15, "sortAlpha", things)
	separators := list{"", ".", ",", "a", "é", " ", "\xff", "zz"}
	for _, name := range []string{"split", "splitList"} {
		some(40, name, separators, words)
	}
	some(50, "splitn", separators, list{-1, 0, 1, 2, 3}, words)
}

func numberRows() {
	for _, name := range []string{"int", "int64", "float64", "toDecimal", "add1", "add1f", "ceil", "floor", "add", "addf", "max", "min", "maxf", "minf", "biggest", "mul"} {
		each(name, things)
	}
	each("atoi", list{"", "0", "12", "-12", "+5", "012", "0x1", "1_0", "99999999999999999999", "-99999999999999999999", "9223372036854775807", "9223372036854775808", "-9223372036854775808", " 1", "1 ", "a", "१", "1.0", "--1", "+"})
	each("toDecimal", list{"777", "0777", "8", "-17", "+17", 644, "0o17", "1_0", "7777777777777777777777"})
	for _, name := range []string{"sub", "div", "mod", "mul", "add", "max", "min", "maxf", "minf", "subf", "mulf", "addf", "divf", "biggest"} {
		some(35, name, things, things)
	}
	for _, name := range []string{"add", "mul", "max", "min", "maxf", "minf", "addf", "subf", "mulf", "divf"} {
		some(12, name, numbers, things, numbers)
	}
	floats := list{0.1, 0.2, 0.3, 1.0, 3.0, 7.0, 10.0, 100.0, 1.1, 2.675, 1e-7, 1e16, 123456.789, -0.5, 9.99, 1.0 / 3, 1e300, 1e-300, 5e-324, math.MaxFloat64, 2.0 / 3}
	for _, name := range []string{"addf", "subf", "mulf", "divf"} {
		some(80, name, floats, floats)
		some(20, name, floats, floats, floats)
	}
	call("div", int64(math.MinInt64), -1)
	call("mod", int64(math.MinInt64), -1)
	call("add")
	call("addf")
	some(40, "round", floats, list{0, 1, 2, 3, -1, 10})
	some(20, "round", list{2.5, -2.5, 1.5, 0.5, 123.5555, "3.14159", 99.995}, list{0, 1, 2, 3}, list{0.5, 0.1, 0.9})
	some(20, "round", things, list{0, 2})
	each("until", numbers)
	each("until", list{2.0, "3", nil})
	some(50, "untilStep", numbers, numbers, list{-3, -1, 0, 1, 2, 7})
	call("seq")
	each("seq", numbers)
	some(30, "seq", numbers, numbers)
	some(50, "seq", numbers, list{-3, -1, 0, 1, 2, 7}, numbers)
	call("seq", 1, 2, 3, 4)
	call("randInt", 5, 5)
	call("randInt", 5, 3)
	call("randInt", 7, 8)
}

func listRows() {
	call("list")
	call("tuple")
	call("concat")
	some(15, "list", things, things)
	some(6, "tuple", things)
	for _, name := range []string{"first", "last", "rest", "initial", "reverse", "compact", "uniq", "mustFirst", "mustLast", "mustRest", "mustInitial", "mustReverse", "mustCompact", "mustUniq"} {
		each(name, lists)
		some(8, name, things)
	}
	for _, name := range []string{"append", "push", "prepend", "mustAppend", "mustPush", "mustPrepend", "without", "mustWithout"} {
		some(15, name, lists, things)
		some(4, name, things, things)
	}
	some(20, "without", lists, list{1, "a", nil, 1.0}, list{2, "b", list{1}})
	for _, name := range []string{"has", "mustHas"} {
		some(30, name, list{1, 1.0, "a", nil, list{1}, dict{"a": 1}, int64(1), "", false, uint8('a')}, lists)
		some(10, name, list{1, "a"}, things)
	}
	for _, name := range []string{"slice", "mustSlice"} {
		each(name, lists)
		some(20, name, lists, numbers)
		some(30, name, lists, numbers, numbers)
		some(6, name, things, numbers)
	}
	some(30, "concat", lists, lists)
	some(10, "concat", lists, things, lists)
	for _, name := range []string{"chunk", "mustChunk"} {
		some(40, name, list{-2, -1, 0, 1, 2, 3, 5}, lists)
		some(6, name, list{1, 2}, things)
	}
	some(20, "default", things, things)
	each("default", things)
	each("empty", things)
	each("empty", lists)
	call("coalesce")
	call("all")
	call("any")
	for _, name := range []string{"coalesce", "all", "any"} {
		some(20, name, things, things, things)
	}
	some(12, "ternary", things, things, list{true, false})
	some(5, "ternary", things, things, things)
}

func dictRows() {
	maps := func() list {
		return list{dict{}, dict{"a": 1, "b": dict{"c": 2}}, dict{"a": nil, "e": "", "f": false, "z": 0}, dict{"b": dict{"c": 3, "d": list{1}}, "l": list{1, 2}}, dict{"b": "text", "l": list{}}, dict{"l": list{3}, "m": dict{}}, dict{"m": dict{"n": dict{"o": 1}}}, dict{"m": dict{"n": dict{"p": 2, "o": nil}}, "a": dict{"x": 1}}, dict(nil), dict{"a": list{dict{"x": 1}}, "e": 2.5, "f": true}, dict{"b": nil, "m": list{}}, dict{"s": []string{"x"}, "t": map[string]string{"k": "v"}, "w": now}, dict{"s": "", "t": dict{"q": 1}, "w": 1}}
	}
	keys := list{"a", "b", "c", "", "l", "m", "zz"}
	call("dict")
	each("dict", things)
	some(20, "dict", things, things)
	some(10, "dict", things, things, things)
	for _, name := range []string{"get", "hasKey", "unset"} {
		for i := 0; i < 20; i++ {
			call(name, pick(maps()), pick(keys))
		}
	}
	for i := 0; i < 20; i++ {
		call("set", pick(maps()), pick(keys), pick(things))
		call("pluck", pick(keys), pick(maps()), pick(maps()))
		call("pick", pick(maps()), pick(keys), pick(keys))
		call("omit", pick(maps()), pick(keys), pick(keys))
	}
	call("get", nil, "a")
	call("set", nil, "a", 1)
	call("get", 1, "a")
	call("pick", dict{"a": 1})
	call("omit", dict{"a": 1})
	call("pluck", "a")
	each("keys", list{dict{}, dict{"a": 1}, dict(nil), nil})
	each("values", list{dict{}, dict{"a": 1}, dict(nil), nil, 1})
	call("keys")
	for _, name := range []string{"merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"} {
		each(name, maps())
		for i := range maps() {
			for j := range maps() {
				if random.Intn(3) == 0 {
					call(name, maps()[i], maps()[j])
				}
			}
		}
		for i := 0; i < 25; i++ {
			call(name, pick(maps()), pick(maps()), pick(maps()))
		}
	}
	for _, name := range []string{"deepCopy", "mustDeepCopy"} {
		each(name, maps())
		each(name, list{1, "a", list{1, list{2}}, []string{"x"}, true, 1.5})
	}
	for i := 0; i < 40; i++ {
		call("dig", pick(keys), pick(things), pick(maps()))
		call("dig", pick(keys), pick(keys), "default", pick(maps()))
	}
	call("dig", "m", "n", "o", "default", dict{"m": dict{"n": dict{"o": 1}}})
	call("dig", "m", "n", "x", "default", dict{"m": dict{"n": dict{"o": 1}}})
	call("dig", "a", "default")
	call("dig")
	call("dig", 1, "default", dict{})
	call("dig", "a", "default", nil)
	call("dig", "a", "default", "text")
}

func typeRows() {
	for _, name := range []string{"typeOf", "kindOf"} {
		each(name, things)
		each(name, lists)
	}
	some(20, "typeIs", list{"string", "int", "float64", "[]interface {}", "map[string]interface {}", "<nil>", "bool"}, things)
	some(20, "typeIsLike", list{"string", "int", "time.Time", "[]string", "semver.Version"}, things)
	some(20, "kindIs", list{"string", "int", "slice", "map", "invalid", "struct", "float64"}, things)
	for i := range lists {
		// What is equal only for being the same slice cannot be written down.
		if i != len(lists)-2 {
			call("deepEqual", lists[i], lists[i])
		}
	}
	some(40, "deepEqual", lists, lists)
	for i := range things {
		call("deepEqual", things[i], things[i])
	}
	some(40, "deepEqual", things, things)
	call("deepEqual", dict{"a": list{1, dict{"b": 2}}}, dict{"a": list{1, dict{"b": 2}}})
	call("deepEqual", dict{"a": list{1, dict{"b": 2}}}, dict{"a": list{1, dict{"b": 2.0}}})
}

func dateRows() {
	zone := func(name string) *time.Location {
		location, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		return location
	}
	times := list{now, time.Time{}, time.Unix(0, 0).UTC(), time.Unix(1e9, 5e8).In(zone("Europe/Berlin")), time.Date(1999, 12, 31, 23, 59, 59, 999999999, zone("America/New_York")), time.Date(2024, 7, 4, 0, 30, 0, 0, zone("Asia/Kolkata")), time.Date(2026, 3, 29, 2, 30, 0, 1000, zone("Europe/Berlin")), time.Date(1880, 1, 2, 3, 4, 5, 0, zone("Europe/Paris"))}
	stamps := append(list{0, 1, 1700000000, -1, -86401, int64(1234567890), int64(253402300800), int32(77), int64(-62135596800)}, times...)
	layouts := list{
		"", "2006-01-02", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.999999999Z07:00", "Mon Jan _2 15:04:05 2006", "Monday, 02-Jan-06 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 -0700", "3:04PM", "3:04pm", "Jan _2 15:04:05.000", "15:04:05,000000", "02/01/06 03h4m5s", "002 __2", "January 2 2006", "20060102150405", "Z0700 Z07 Z070000 Z07:00:00", "-0700 -07 -070000 -07:00 -07:00:00", "MST", "Month Mondays Jane", ".00 .999 .0009", "05.000000000000", "_2006 _2 2", "1 01 15 3 03", "é 2006 世", "\xff2006", "06", "0", "7 8 9", "2006-1-2 3:4:5", "PMpm", "..0 ,9", "T15", "Z", "-", "04:05.9", "2006年",
	}
	zones := list{"UTC", "", "Local", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Etc/GMT+5", "EST", "europe/berlin", "Nowhere/City", "../etc", "GB", "Pacific/Apia"}
	for _, layout := range layouts {
		call("date", layout, pick(stamps))
		call("dateInZone", layout, pick(stamps), pick(zones))
		call("dateInZone", layout, pick(times), pick(zones))
	}
	for _, zone := range zones {
		for _, stamp := range stamps {
			if random.Intn(3) == 0 {
				call("dateInZone", "2006-01-02T15:04:05Z07:00 MST", stamp, zone)
			}
		}
	}
	some(5, "date_in_zone", layouts, stamps, zones)
	each("htmlDate", stamps)
	some(20, "htmlDateInZone", stamps, zones)
	each("unixEpoch", times)
	each("unixEpoch", list{1, "a", nil})
	durations := list{"1h", "-1.5h", "90m", "2h10m5s", "720h", "1ns", "1us", "1µs", "1μs", "1.5ms", "0", "+5s", "-0", "", "1", "1x", "h", ".5s", "5.s", ".s", "1h-1m", "9223372036s", "9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns", "99999999999999999999h", "1d", " 1h", "1h ", "1.0000000000001h", "0.100000000000000000000h", "3000000h", "1\xff", "1é", "\"1s", "100y", "1m1m", "8760h1s", "8760h", "25h", "61s", "60s", "1s", "1s1ns"}
	for _, duration := range durations {
		call("dateModify", duration, pick(times))
		call("mustDateModify", duration, pick(times))
		call("durationRound", duration)
		call("duration", duration)
	}
	some(3, "date_modify", durations, times)
	some(3, "must_date_modify", durations, times)
	each("duration", list{"95", "-95", "3600", "x", int64(0), int64(59), int64(86400), int64(-7), int64(math.MaxInt64), 95, 1.5, nil, "99999999999999999999", "0x10"})
	each("durationRound", list{int64(0), int64(1e9), int64(1e9 + 1), int64(3600e9 + 1), int64(-1e13), int64(math.MinInt64), 5, nil, 1.5})
	values := list{
		"", "2024-02-29", "2023-02-29", "2024-2-9", "2024-13-01", "2024-00-10", "24-01-02", "2024-01-02T03:04:05Z", "2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05.123Z", "2024-01-02T03:04:05,5Z", "2024-01-02 03:04:05", "Mon Jan  2 15:04:05 2006", "Mon Jan 2 15:04:05 2006", "mon jan 2 15:04:05 2006", "Monday, 02-Jan-06 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 -0700", "Mon, 02 Jan 2006 15:04:05 +0000", "Mon, 02 Jan 2006 15:04:05 GMT", "3:04PM", "12:00AM", "13:00PM", "03:04pm", "x", "2024-01-02 extra", "2024-01-02\xff", "060 2024", "366 2023", "366 2024", "January 31 2024", "Feb 30 2024", "15:04:05.000", "15:04:61", "25:00:00", "20240229130405", "MST", "UTC", "CEST", "GMT+3", "GMT-25", "+03", "ABCDEF", "WITA", "ChST", "-0730", "+2500", "Z", "2024-01-02T03:04:05-00:00",
	}
	parsers := list{"2006-01-02", "2006-01-02T15:04:05Z07:00", "2006-1-2", "06-01-02", "2006-01-02 15:04:05", "Mon Jan _2 15:04:05 2006", "Monday, 02-Jan-06 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 -0700", "3:04PM", "03:04pm", "002 2006", "January 2 2006", "Jan 2 2006", "15:04:05.000", "15:04:05", "20060102150405", "MST", "-0700", "Z0700", "-07:00:00", "__2 2006", "15:04:05.999", "", "2006-01-02T15:04:05.999999999Z07:00", "Z07"}
	for _, value := range []string{"2024-01-02 GMT+3", "2024-01-02 GMT-11", "2024-01-02 GMT", "2024-01-02 CEST", "2024-01-02 UTC", "2024-01-02 UTC+1", "2024-01-02 +03", "2024-01-02 ABCD", "2024-01-02 AB"} {
		call("mustToDate", "2006-01-02 MST", value)
	}
	for _, value := range []string{"2024-01-02 +0000 UTC", "2024-01-02 +0100 UTC", "2024-01-02 +0100 CET", "2024-01-02 +0000 GMT", "2024-01-02 -0000 WET", "2024-01-02 +0000 +00"} {
		call("mustToDate", "2006-01-02 -0700 MST", value)
	}
	for _, name := range []string{"toDate", "mustToDate"} {
		for _, value := range values {
			call(name, pick(parsers), value)
		}
		for _, layout := range parsers {
			call(name, layout, now.Format(layout.(string)))
			call(name, layout, time.Date(1999, 12, 31, 3, 59, 58, 987654321, zone("America/New_York")).Format(layout.(string)))
			for i := 0; i < 6; i++ {
				call(name, layout, pick(values))
			}
		}
	}
}

func codeRows() {
	for _, name := range []string{"b64enc", "b32enc"} {
		each(name, words)
	}
	codes := list{"", "YQ==", "YWI=", "YWJj", "YQ", "YQ=", "Y", "YQ=a", "YQ==a", "YW\nI=", "YWI\r\n=\n", "!!!!", "YWJ!", "YWJjZA==", "=", "====", "YWJj=", "YWI==", "w6k=", "Y Q=", "YR==", "YWJ\n", "ME======", "MFRA====", "MFRGG===", "MFRGGZA=", "MFRGGZDF", "ME", "ME=====", "ME=====A", "M=======", "MFR=====", "me======", "MFRGGZDFME======", "ME======ME", "MFRGGZ==", "M1======", "\nME====\n==", "MFRGGZDF\nMFRGGZDF", "é"}
	for _, name := range []string{"b64dec", "b32dec"} {
		each(name, codes)
		each(name, words)
	}
	for _, name := range []string{"sha1sum", "sha256sum", "sha512sum", "adler32sum"} {
		each(name, words)
	}
	for _, name := range []string{"toJson", "toPrettyJson", "toRawJson", "mustToJson", "mustToPrettyJson", "mustToRawJson"} {
		each(name, things)
		each(name, lists)
		each(name, words)
		each(name, list{dict{"b": list{1, dict{}}, "a<": list{}, "c": nil, "é": 1.5e-7}, list{1e21, 1e20, 1e-6, 9e-7, 1.5, -0.0, 100.0, 123456789012345680.0, float32(1e-7), float32(16777216), float32(1e21)}, dict{"t": now, "d": time.Duration(5)}, list{"\u2028<&>\x7f\b\f"}})
	}
	texts := list{"null", "true", "false", "tru", "nul", "truex", "1", "-1", "-", "01", "1.", "1.5", "1e5", "1e", "1e+", "1E-2", "1e400", "[1e400, 2]", "-0", "\"a\"", "\"a", "\"\\n\\u00e9\\ud83d\\ude00\\ud800\\ud800x\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\t\"", "\"\xff\"", "[]", "[1,2", "[1,]", "[1 2]", "[,]", "]", "{}", "{\"a\":1}", "{\"a\":1,\"a\":2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\"}", "{\"a\":{\"b\":[1,{\"c\":null}]}}", " [ 1 , { \"x\" : \"y\" } ] ", "1 2", "{} x", "", " ", "'a'", "é", "\xe9", "nan", "\"\\ud800\\u0041\"", "[[[[]]]]", "{\"a\":1e999}", "\"", "{\"", "{\"a\" \"b\"}", "[\"]"}
	for _, name := range []string{"fromJson", "mustFromJson"} {
		each(name, texts)
	}
}

func webRows() {
	urls := list{"", "http://example.com", "https://u:p@h:80/p/a?q=1&b=2#f", "http://h", "//h/p", "/p", "p", "mailto:a@b", "a:b", ":x", "1a:b", "http://[::1]:80/x", "http://[::1]", "http://[fe80::1%25en0]/", "http://[::1", "http://[1.2.3.4]/", "http://a:b", "http://a:1:2", "mongodb://a:1,b:2/c", "http://h/%zz", "http://h/%41%2f", "http://h/a b", "http://h?a b", "http://h#a b", "http://h/é", "http://u%40:p%3a@h/", "http://u<@h", "http://h%41/", "http://h%25/", "http://h<>/", "http://a b/", "HTTP://H/", "http:///p", "http:/p", "http:", "http:?q", "http://h?", "http://h#", "*", "a?b#c?d#e", "a/b:c", "a:b/c", "./a:b", "\x7f", "http://h\n", "file:///etc/x", "http://user@h", "http://:p@h", "http://@h", "http://h/a%20b+c", "http://h/[x]!*'()", "http://h/p#%zz", "a%", "http://[::g]/", "http://[::]/", "http://[1:2]/", "http://[1::2::3]/", "http://[::1.2.3.4]/", "http://[12345::]/", "http://[1:2:3:4:5:6:7:8:9]/", "http://[1:2:3:4:5:6:7:8]/", "http://[1:2:3:4:5:6:7::8]/", "http://[x]/", "http://[::1%25]/", "http://[1:]/"}
	each("urlParse", urls)
	random = rand.New(rand.NewSource(6))
	for i := 0; i < 5; i++ {
		call("urlJoin", dict{"scheme": "http", "host": "h", "path": pick(list{"/a b", "p", "/é", "a:b"})})
	}
	for _, it := range []dict{{}, {"scheme": "http"}, {"host": "h"}, {"path": "a:b"}, {"path": "*"}, {"path": "/x", "scheme": "file"}, {"scheme": "mailto", "opaque": "a@b"}, {"host": "h", "path": "p"}, {"userinfo": "u:p", "host": "h"}, {"userinfo": "u p", "host": "h"}, {"userinfo": "a@b:c", "host": "h"}, {"userinfo": "u%", "host": "h"}, {"host": 1}, {"path": nil}, {"query": "a b", "fragment": "f f"}, {"host": "[::1]:8", "path": "/[x]"}, {"scheme": "http", "host": "h h", "path": "/!$&'()*+,;=:@"}, {"fragment": "!$&'()*+,;=:@/?"}, {"userinfo": "!$&'()*+,;=", "host": "h"}, {"host": "a\"<>b"}} {
		call("urlJoin", it)
	}
	paths := list{"", "/", "//", "a", "/a", "a/", "a/b", "/a/b.c", "a/../b", "../a", "/../a", "a/./b", "a//b", "./a", "a/..", "a/b/../../..", ".", "..", ".hidden", "a.b.c", "a.d/b", "x.tar.gz", "a/.b/", "é/ü.ß", "a\xff/b", "/..", "...", "a/.../b"}
	for _, name := range []string{"base", "dir", "clean", "ext", "isAbs", "osBase", "osDir", "osClean", "osExt", "osIsAbs"} {
		each(name, paths)
	}
	some(25, "semver", toAny(versions))
	some(80, "semverCompare", toAny(constraints), toAny(versions))
	expressions := toAny(patterns)
	for _, name := range []string{"regexMatch", "mustRegexMatch", "regexFind", "mustRegexFind"} {
		some(25, name, expressions, toAny(subjects))
		call(name, "(", "a")
	}
	for _, name := range []string{"regexFindAll", "mustRegexFindAll", "regexSplit", "mustRegexSplit"} {
		some(30, name, expressions, toAny(subjects), list{-1, 0, 1, 2})
		call(name, "(", "a", -1)
	}
	for _, name := range []string{"regexReplaceAll", "mustRegexReplaceAll", "regexReplaceAllLiteral", "mustRegexReplaceAllLiteral"} {
		some(25, name, expressions, toAny(subjects), toAny(replacements))
		call(name, "(", "a", "b")
	}
	each("regexQuoteMeta", words)
	call("fail", "a reason")
	call("fail", "")
	call("fail", "two\nlines %d")
}

func toAny(texts []string) list {
	all := list{}
	for _, it := range texts {
		all = append(all, it)
	}
	return all
}

// nameRows prints the names of all functions.
func nameRows() {
	names := []string{}
	for name := range sprig.TxtFuncMap() {
		names = append(names, name)
	}
	sort.Strings(names)
	row("names", names)
}

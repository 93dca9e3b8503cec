// Prints rows of random templates and formats, right and wrong ones, for the oracle beside it:
// `go run ./random template 1500 7 > ../../data/gotemplate/template/random.json`.
package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"airlock/tests/oracle/gotemplate/value"
)

type maker struct {
	*rand.Rand
	vars []string
	// Whether the body is that of a template that others call: it calls nobody, or some would not end.
	called bool
	// Whether integers stay small enough to be ranged over.
	small bool
}

func main() {
	count, err := strconv.Atoi(os.Args[2])
	must(err)
	seed, err := strconv.ParseUint(os.Args[3], 10, 64)
	must(err)
	var rows []any
	for i := range count {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, uint64(i)))}
		if os.Args[1] == "fmt" {
			rows = append(rows, m.format())
		} else {
			rows = append(rows, m.template())
		}
	}
	fmt.Print(value.Lines(rows))
}

func (m *maker) of(choices ...string) string { return choices[m.IntN(len(choices))] }

func (m *maker) one(in int) bool { return m.IntN(in) == 0 }

// Values.

func (m *maker) text() string {
	var b strings.Builder
	for range m.IntN(6) {
		switch m.IntN(12) {
		case 0:
			b.WriteString(m.of("é", "☺", "日", "\u00ad", "\U0001F600", "\u0300", "\ufeff", "ﬃ"))
		case 1:
			b.WriteByte(byte(m.IntN(256)))
		case 2:
			b.WriteString(m.of("\n", "\t", "\x00", "\"", "'", "`", "\\", "<", "&", "=", "%", " ", "{{", "\x7f"))
		default:
			b.WriteByte("abcxyzABC0189-_."[m.IntN(16)])
		}
	}
	return b.String()
}

func (m *maker) float() float64 {
	switch m.IntN(6) {
	case 0:
		return math.Float64frombits(m.Uint64())
	case 1:
		return float64(m.IntN(2000)-1000) / 8
	case 2:
		return float64(m.Int64N(1<<53)) * math.Pow10(m.IntN(40)-20)
	case 3:
		return []float64{0, math.Copysign(0, -1), 1e6, 1e21, 1e20, 123456789, 0.5, 2.5, math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, math.MaxFloat64}[m.IntN(13)]
	default:
		return float64(m.IntN(100))
	}
}

func (m *maker) integer() int64 {
	if m.small {
		return m.Int64N(12) - 3
	}
	switch m.IntN(5) {
	case 0:
		return m.Int64() - m.Int64()
	case 1:
		return []int64{math.MaxInt64, math.MinInt64, 0x10FFFF, 0x110000, 255, 99}[m.IntN(6)]
	default:
		return m.Int64N(300) - 20
	}
}

func (m *maker) scalar() any {
	n := m.integer()
	switch m.IntN(22) {
	case 0:
		return nil
	case 1:
		return m.one(2)
	case 2, 3, 4:
		return m.float()
	case 5:
		return float32(m.float())
	case 6, 7:
		return int(n)
	case 8:
		return int8(n)
	case 9:
		return int32(n)
	case 10:
		return n
	case 11:
		return uint(n)
	case 12:
		return uint8(n)
	case 13:
		return uint64(n)
	case 14:
		return complex(m.float(), m.float())
	case 15:
		return []byte(m.text())
	default:
		return m.text()
	}
}

func (m *maker) value(depth int) any {
	if depth <= 0 {
		return m.scalar()
	}
	switch m.IntN(9) {
	case 0, 1:
		list := make([]any, m.IntN(4))
		for i := range list {
			list[i] = m.value(depth - 1)
		}
		return list
	case 2, 3:
		return m.dict(depth)
	case 4:
		switch m.IntN(7) {
		case 0:
			return []string{m.text(), m.text()}
		case 1:
			return []int{1, -2, int(m.integer())}
		case 2:
			return []map[string]any{m.dict(depth)}
		case 3:
			return map[string]string{m.of("a", "b"): m.text(), "c": ""}
		case 4:
			return value.Values(m.dict(depth))
		case 5:
			return []any(nil)
		default:
			return map[string]any(nil)
		}
	default:
		return m.scalar()
	}
}

func (m *maker) dict(depth int) map[string]any {
	out := map[string]any{}
	for range m.IntN(4) {
		out[m.of("a", "b", "c", "k1", "k10", "k9", "Z", "_")] = m.value(depth - 1)
	}
	return out
}

func encoded(v any) any {
	out, ok := value.Encode(v)
	if !ok {
		panic(fmt.Sprintf("%T", v))
	}
	return out
}

// Formats.

func (m *maker) format() any {
	args := []any{}
	for range m.IntN(4) {
		args = append(args, encoded(m.value(2)))
	}
	row := map[string]any{"args": args}
	if m.one(8) {
		return row
	}
	var b strings.Builder
	for range 1 + m.IntN(3) {
		b.WriteString(m.of("", "x", "é ", "%%"))
		b.WriteByte('%')
		for m.one(3) {
			b.WriteString(m.of("+", "-", "#", " ", "0"))
		}
		if m.one(12) {
			b.WriteString(m.of("[1]", "[2]", "[3]", "[x]", "[", "[0]", "[9999999999]"))
		}
		switch m.IntN(6) {
		case 0:
			b.WriteString(strconv.Itoa(m.IntN(30)))
		case 1:
			b.WriteString(m.of("", "", "*", "100000000", "100"))
		}
		if m.one(4) {
			b.WriteByte('.')
			b.WriteString(m.of("", "0", "1", "2", "3", "5", "20", "*", "[1]*", "400"))
		}
		if m.one(20) {
			b.WriteString(m.of("[1]", "[2]"))
		}
		b.WriteString(m.of("v", "v", "d", "s", "q", "x", "X", "f", "g", "e", "E", "G", "F", "b", "o", "O", "c", "U", "t", "T", "z", "w", "é", ""))
	}
	row["format"] = value.Text(b.String())
	return row
}

// Templates.

func (m *maker) template() any {
	m.small = true
	data := map[string]any{
		"s": m.text(), "n": float64(m.IntN(20)), "i": m.IntN(9) - 2, "t": m.one(2), "nil": nil,
		"list": []any{float64(1), "two", nil, []any{"x"}, map[string]any{"a": 1}}, "m": m.dict(3),
		"deep": map[string]any{"a": map[string]any{"b": map[string]any{"c": "end"}}},
		"strs": []string{"p", "q"}, "v": m.value(3), "vals": value.Values(m.dict(2)), "smap": map[string]string{"a": "1"},
	}
	row := map[string]any{"data": encoded(data), "missing": m.of("", "", "zero", "zero", "error")}
	text := m.body(2)
	m.vars, m.called = nil, true
	before := [][2]any{{"lib", value.Text(m.of("", "\n") + `{{ define "T" }}[` + m.body(1) + `]{{ end }}{{ define "U" }}<{{ . }}>{{ end }}`)}}
	if m.one(6) {
		before = append(before, [2]any{"more", `{{ define "U" }}{{ end }}{{ define "V" }}v{{ end }}`})
	}
	row["before"] = before
	if m.one(7) {
		text = m.broken(text)
	}
	row["template"] = value.Text(text)
	return row
}

// broken takes something out, or puts something in.
func (m *maker) broken(text string) string {
	at := m.IntN(len(text) + 1)
	switch m.IntN(3) {
	case 0:
		end := min(len(text), at+1+m.IntN(3))
		return text[:at] + text[end:]
	case 1:
		return text[:at]
	}
	return text[:at] + m.of("{{", "}}", "(", ")", "|", "\"", "`", "'", ".", "$", ":=", "=", ",", "{{end}}", "{{else}}", "\n", "-", "#", "é", "\xff", "1x", "0x", "{{/*", " -}}", "nil", "{{break}}") + text[at:]
}

func (m *maker) body(depth int) string {
	var b strings.Builder
	for range 1 + m.IntN(3) {
		b.WriteString(m.of("", "", "text ", "\n", "  \n\t", "é"))
		b.WriteString(m.statement(depth))
	}
	b.WriteString(m.of("", "\n", " tail"))
	return b.String()
}

func (m *maker) action(inner string) string {
	return m.of("{{", "{{ ", "{{- ", "{{ ") + inner + m.of("}}", " }}", " -}}", " }}")
}

func (m *maker) statement(depth int) string {
	if depth <= 0 {
		return m.action(m.pipeline(2))
	}
	mark := len(m.vars)
	switch m.IntN(15) {
	case 0, 1:
		out := m.action("if "+m.declared()) + m.body(depth-1)
		if m.one(3) {
			out += m.action("else if "+m.pipeline(1)) + m.body(depth-1)
		}
		if m.one(2) {
			out += m.action("else") + m.body(depth-1)
		}
		m.vars = m.vars[:mark]
		return out + m.action("end")
	case 2:
		out := m.action("with "+m.declared()) + m.body(depth-1)
		if m.one(2) {
			out += m.action("else") + m.body(depth-1)
		}
		m.vars = m.vars[:mark]
		return out + m.action("end")
	case 3, 4, 5:
		head := "range "
		switch m.IntN(4) {
		case 0:
			head += "$e := "
			m.vars = append(m.vars, "$e")
		case 1:
			head += "$k, $e := "
			m.vars = append(m.vars, "$k", "$e")
		}
		over := m.of(".list", ".m", "3", ".i", ".strs", ".v", ".vals", ".deep", m.pipeline(1), "$.list", ".smap")
		out := m.action(head+over) + m.body(depth-1)
		if m.one(4) {
			out += m.action("if "+m.pipeline(1)) + m.action(m.of("break", "continue")) + m.action("end")
		}
		if m.one(3) {
			out += m.action("else") + m.body(depth-1)
		}
		m.vars = m.vars[:mark]
		return out + m.action("end")
	case 6:
		name := m.of("$x", "$y")
		out := m.action(name + " := " + m.pipeline(2))
		m.vars = append(m.vars, name)
		return out
	case 7:
		if len(m.vars) > 0 {
			return m.action(m.of(m.vars...) + " = " + m.pipeline(1))
		}
		return m.action(m.pipeline(2))
	case 8:
		if m.called {
			return m.action(".")
		}
		return m.action("template " + m.of(`"T" .`, `"U" .v`, `"T"`, `"U" `+m.pipeline(1), `"none" .`, "`V` $"))
	case 9:
		return m.action(m.of("/* a comment */", "- /* trimmed */ -"))
	case 10:
		return m.action(`block "B`+m.of("1", "2")+`" `+m.pipeline(1)) + "b" + m.action(".") + m.action("end")
	default:
		return m.action(m.pipeline(2))
	}
}

func (m *maker) declared() string {
	if m.one(4) {
		p := "$d := " + m.pipeline(1)
		m.vars = append(m.vars, "$d")
		return p
	}
	return m.pipeline(2)
}

func (m *maker) pipeline(depth int) string {
	out := m.command(depth)
	for m.one(4) {
		if call := m.call(depth - 1); !strings.HasPrefix(call, "set ") {
			out += " | " + call
		}
	}
	return out
}

func (m *maker) command(depth int) string {
	if depth > 0 && m.one(2) {
		return m.call(depth - 1)
	}
	return m.operand(depth)
}

func (m *maker) call(depth int) string {
	name := m.of("and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js", "urlquery", "call",
		"eq", "ne", "lt", "le", "gt", "ge", "eq", "index", "printf", "list", "strings", "dict", "set", "upper", "repeat",
		"wide", "narrow", "half", "negate", "any", "typeOf", "join", "lengths", "fail", "wrap", "include", "tpl", "typeOf", "index")
	if m.called && (name == "include" || name == "tpl") {
		name = "print"
	}
	args := []string{}
	add := func(choices ...string) { args = append(args, m.of(append(choices, m.operand(depth))...)) }
	switch name {
	case "printf":
		add(`"%v"`, `"%d|%s"`, `"%q"`, `"%5.1f"`, `"%T %#v"`, `"%x"`)
		add()
	case "index":
		add(".list", ".m", ".deep", ".v", ".strs", ".s")
		add("0", "1", `"a"`, "9")
	case "slice":
		add(".list", ".s", ".strs")
		add("0", "1", "2")
	case "dict":
		add(`"a"`)
		add()
	case "set":
		add(".m", ".deep", "(dict)", ".vals")
		add(`"k"`)
		// A map that holds itself cannot be printed, by the original least of all.
		args = append(args, m.of("1", `"new"`, ".n", ".s", "nil", ".strs"))
	case "upper", "fail", "wrap":
		add(".s", `"w"`)
	case "repeat":
		add("2", ".i", "1.0")
		add(`"ab"`)
	case "join":
		add(`","`)
		add(".strs")
	case "include":
		add(`"T"`, `"U"`, `"V"`, `"none"`)
		add(".", ".v")
	case "tpl":
		add(`"{{ . }}"`, `"{{ .a.b }}"`, "`{{ include \"U\" . }}`", "`{{ define \"U\" }}new{{ end }}{{ include \"U\" . }}`", `"{{ bad"`, "`\n{{ .x.y.z }}`", `""`)
		add(".", ".m")
	default:
		for range 1 + m.IntN(2) {
			add()
		}
	}
	if m.one(10) && name != "set" {
		args = append(args, m.operand(depth))
	}
	if m.one(10) && name != "set" && len(args) > 0 {
		args = args[1:]
	}
	return strings.Join(append([]string{name}, args...), " ")
}

func (m *maker) operand(depth int) string {
	switch m.IntN(14) {
	case 0:
		return m.of("0", "1", "2", "-1", "80", "1.5", "1e3", "0x1F", "0b11", "017", "1_000", "'a'", `'\n'`, "1i", "1e400", "99999999999999999999", "0x1p4", "-0", "+3", ".5", "0x_1", "1__0", "08", "0b2")
	case 1:
		return m.of(`"a"`, `"b c"`, "`raw`", `"\t\u00e9\x41"`, `""`, `"%v"`)
	case 2:
		return m.of("true", "false", "nil")
	case 3:
		return "."
	case 4:
		if len(m.vars) > 0 {
			return m.of(m.vars...) + m.of("", "", ".a")
		}
		return "$" + m.of("", ".n", ".m.a", ".deep.a.b.c")
	case 5, 6:
		if depth > 0 {
			return "(" + m.pipeline(depth-1) + ")" + m.of("", "", "", ".a", ".a.b")
		}
		return ".m.a"
	case 7:
		return m.of(".missing", ".missing.x", ".nil.x", ".s.x", ".deep.a.b.c", ".deep.a.x.y", ".list.a", ".m.a.b", ".n.x")
	default:
		return m.of(".s", ".n", ".i", ".t", ".nil", ".list", ".m", ".deep", ".strs", ".v", ".vals", ".smap", ".m.a", ".vals.a", ".smap.zz")
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

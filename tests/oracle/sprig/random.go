package main

import (
	"math/rand"
	"time"
	"unicode/utf8"
)

// pieces are what texts are made of at random.
var pieces = []string{"a", "b", "Z", "HTTP", "foo", "Bar", "x", "1", "42", "_", "-", " ", "  ", "\t", "\n", ".", ",", "!", "é", "Ü", "ß", "世", "界", "ǆ", "\xff", "\xe4\xb8", "²", "٣", "'", "\"", "\\", "$", "/", "€", "𝔘", "İ", "ſ"}

func randomText(random *rand.Rand, from []string, most int) string {
	text := ""
	for i := random.Intn(most + 1); i > 0; i-- {
		text += from[random.Intn(len(from))]
	}
	return text
}

// mutated changes a text a little, so that it is nearly what it was.
func mutated(random *rand.Rand, text, alphabet string) string {
	for i := 1 + random.Intn(2); i > 0; i-- {
		at := random.Intn(len(text) + 1)
		letter := string(alphabet[random.Intn(len(alphabet))])
		switch {
		case random.Intn(3) == 0 && at < len(text):
			text = text[:at] + text[at+1:]
		case random.Intn(2) == 0 && at < len(text):
			text = text[:at] + letter + text[at+1:]
		default:
			text = text[:at] + letter + text[at:]
		}
	}
	return text
}

// randomValue is a tree of what values files hold.
func randomValue(random *rand.Rand, depth int) any {
	switch n := random.Intn(12); {
	case n < 3 && depth > 0:
		m := dict{}
		for i := random.Intn(4); i > 0; i-- {
			m[[]string{"a", "b", "c", "d e", "k10", "k9"}[random.Intn(6)]] = randomValue(random, depth-1)
		}
		return m
	case n < 5 && depth > 0:
		l := list{}
		for i := random.Intn(4); i > 0; i-- {
			l = append(l, randomValue(random, depth-1))
		}
		return l
	case n == 5:
		return nil
	case n == 6:
		return random.Intn(2) == 0
	case n == 7:
		return float64(random.Intn(5))
	case n == 8:
		return random.NormFloat64() * 1e3
	case n == 9:
		return random.Intn(3)
	default:
		return []string{"", "x", "yes", "1", "a: b", "two\nlines\n", "- i", "é"}[random.Intn(8)]
	}
}

func randomMap(random *rand.Rand) dict {
	for {
		if m, ok := randomValue(random, 4).(dict); ok && len(m) > 0 {
			return m
		}
	}
}

func randomRows() {
	installHelm()
	random := rand.New(rand.NewSource(17))
	for i := 0; i < 60; i++ {
		for _, name := range []string{"snakecase", "camelcase", "kebabcase", "title", "untitle", "swapcase", "initials", "nospace", "upper", "lower", "trim", "quote"} {
			call(name, randomText(random, pieces, 7))
		}
		call("wrap", random.Intn(12), randomText(random, pieces, 20))
		call("wrapWith", random.Intn(12), "|", randomText(random, pieces, 20))
		call("abbrev", random.Intn(14), randomText(random, pieces, 14))
		call("abbrevboth", random.Intn(14), random.Intn(14), randomText(random, pieces, 18))
		call("substr", random.Intn(9)-1, random.Intn(9)-1, randomText(random, pieces, 5))
		call("replace", randomText(random, pieces, 1), randomText(random, pieces, 2), randomText(random, pieces, 8))
		call("splitn", randomText(random, pieces, 1), random.Intn(5)-1, randomText(random, pieces, 8))
		call("trimAll", randomText(random, pieces, 3), randomText(random, pieces, 8))
	}
	elements := []string{"January", "Jan", "1", "01", "Monday", "Mon", "2", "_2", "02", "__2", "002", "15", "3", "03", "4", "04", "5", "05", "2006", "06", "PM", "pm", "MST", "Z0700", "Z07:00", "-0700", "-07:00", "-07", ".000", ".999", ",000000", " ", " ", "-", "/", ":", "T", "at ", "_"}
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kathmandu", "Australia/Sydney", "America/St_Johns"}
	for i := 0; i < 300; i++ {
		layout, zone := randomText(random, elements, 7), zones[random.Intn(len(zones))]
		seconds := random.Int63n(4e9) - 1e9
		call("dateInZone", layout, seconds, zone)
		location, err := time.LoadLocation(zone)
		if err != nil {
			panic(err)
		}
		text := time.Unix(seconds, random.Int63n(1e9)).In(location).Format(layout)
		call("mustToDate", layout, text)
		call("mustToDate", layout, mutated(random, text, "0123456789:-+ .TZAPMJan"))
		call("mustDateModify", mutated(random, []string{"1h30m", "-1.5s", "2h45m10.5s", "100ms"}[random.Intn(4)], "0123456789hmsun.-+µ"), time.Unix(seconds, 0).UTC())
	}
	for i := 0; i < 250; i++ {
		for _, name := range []string{"merge", "mergeOverwrite"} {
			call(name, randomMap(random), randomMap(random))
		}
		call("deepEqual", randomValue(random, 2), randomValue(random, 2))
		call("toYaml", randomValue(random, 4))
		call("toYamlPretty", randomValue(random, 4))
		call("toToml", randomMap(random))
		call("toPrettyJson", randomValue(random, 4))
		call("uniq", list{randomValue(random, 1), randomValue(random, 1), randomValue(random, 1)})
		call("round", random.NormFloat64()*1e4, random.Intn(5))
		for _, name := range []string{"addf", "subf", "mulf", "divf"} {
			call(name, random.NormFloat64()*100, random.ExpFloat64(), float64(1+random.Intn(9)))
		}
	}
	documents := []string{"a = 1\n[t]\nb = [1, \"x\"]\nc = {d = 1.5}\n", "[[l]]\nx = 'raw'\n[[l]]\ny = \"\"\"m\nn\"\"\"\n", "d = 2024-02-29T01:02:03Z\nt = 07:32:00\n", "a.b.c = true\n\"q\" = 0x1F # c\n"}
	for i := 0; i < 500; i++ {
		call("fromToml", mutated(random, documents[random.Intn(len(documents))], "=[]{}.,\"'\n#ab01_-+ \\"))
	}
	texts := []string{`{"a":[1,2.5e3,"x\u00e9\n"],"b":{"c":null,"d":true}}`, `[{"a":-0.1},[],"",false]`}
	for i := 0; i < 300; i++ {
		call("mustFromJson", mutated(random, texts[random.Intn(len(texts))], "{}[]:,\"\\ue0123-+.tfn x"))
	}
	urls := []string{"https://u:p@host.example:8080/a/b?q=1#f", "mailto:a@b", "http://[::1]:80/x%20y", "//h/p", "/p?q"}
	for i := 0; i < 300; i++ {
		call("urlParse", mutated(random, urls[random.Intn(len(urls))], ":/?#@[]%aZ1 é<>\"|"))
	}
	for i := 0; i < 200; i++ {
		call("b64dec", mutated(random, "SGVsbG8gd29ybGQ=", "ABCab=/+\n!"))
		call("b32dec", mutated(random, "NBSWY3DPEB3W64TMMQ======", "ABab27=\n!"))
		call("float64", mutated(random, []string{"1.5e3", "0x1p-2", "1_000", "inf"}[random.Intn(4)], "0123456789.eExp_+-n"))
		call("int", mutated(random, []string{"1500", "0x1F", "0b11", "1_000", "7.00"}[random.Intn(5)], "0123456789.xob_+-f"))
		call("atoi", mutated(random, "1234", "0123456789+- "))
		call("clean", randomText(random, []string{"/", ".", "..", "a", "b.c", "é"}, 8))
		call("ext", randomText(random, []string{"/", ".", "..", "a", "b.c", "é"}, 8))
		call("dir", randomText(random, []string{"/", ".", "..", "a", "b.c", "é"}, 8))
	}
	for i := 0; i < 300; i++ {
		// What is no UTF-8 is refused, in a text that shows it otherwise.
		if text := mutated(random, constraints[random.Intn(len(constraints))], "0123456789.x*^~><=!|, -v"); utf8.ValidString(text) {
			call("semverCompare", text, "1.2.3")
		}
		call("fromYaml", mutated(random, []string{"a: 1\nb: [x, {c: d}]\n", "a: |\n  x\nb:\n- 1\n- y: z\n"}[random.Intn(2)], ":-[]{} \n\"'#ab1&*|>"))
	}
}

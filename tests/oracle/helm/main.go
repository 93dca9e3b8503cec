// Command helm prints what Helm 4.2.3 makes of inputs of ours. It uses Helm's packages as a library.
//
//	helm render < cases.yaml    what `helm template` prints, or its error, for each case
//	helm record < cases.yaml    the release that Helm's storage would keep, as JSON and as stored
//	helm read   < records.json  what Helm reads of releases that we encoded
//	helm set    < rows.yaml     what each of the `--set` flags makes of a text
//	helm ignore < rows.yaml     which paths the rules of a `.helmignore` leave out
//	helm glob   < rows.yaml     which names a pattern of `.Files.Glob` takes
//	helm kube   < rows.yaml     how versions of Kubernetes are read
//	helm chart  DIR [ARG...]    what `helm template rel DIR ARG...` prints
//	helm lint   < cases.yaml    what `helm lint` prints for each case
//	helm own                    the tables of Helm's own tests, with what Helm makes of them now
//
// Under the name `helm` it is Helm itself.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/gobwas/glob"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	helm "helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/ignore"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/strvals"
)

// Case is a chart and how to render it. The field names are those of tests/it/helm.rs.
type Case struct {
	About       string         `json:"about"`
	Files       map[string]any `json:"files"`
	Archive     bool           `json:"archive,omitempty"`
	Values      []string       `json:"values,omitempty"`
	Set         []string       `json:"set,omitempty"`
	SetString   []string       `json:"setString,omitempty"`
	SetJSON     []string       `json:"setJson,omitempty"`
	SetLiteral  []string       `json:"setLiteral,omitempty"`
	Release     string         `json:"release,omitempty"`
	Namespace   string         `json:"namespace,omitempty"`
	APIVersions []string       `json:"apiVersions,omitempty"`
	KubeVersion string         `json:"kubeVersion,omitempty"`
	IncludeCRDs bool           `json:"includeCrds,omitempty"`
	NoHooks     bool           `json:"noHooks,omitempty"`
	SkipTests   bool           `json:"skipTests,omitempty"`
	IsUpgrade   bool           `json:"isUpgrade,omitempty"`
	SkipSchema  bool           `json:"skipSchema,omitempty"`
	ShowOnly    []string       `json:"showOnly,omitempty"`
	Strict      bool           `json:"strict,omitempty"`
	// What we say beside the original's words.
	Code string `json:"code,omitempty"`
	Hint string `json:"hint,omitempty"`
}

// The time that all files of a case have.
var written = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func main() {
	if filepath.Base(os.Args[0]) == "helm" {
		asHelm(os.Args[1:])
		return
	}
	log.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if len(os.Args) < 2 {
		fail(errors.New("say what to do"))
	}
	kinds := map[string]func([]byte) (any, error){
		"render": each(render), "record": each(record), "lint": each(lint), "set": each(set),
		"ignore": each(ignored), "glob": each(globbed), "kube": each(kube), "read": each(read),
	}
	if os.Args[1] == "chart" {
		var out bytes.Buffer
		err := command(&out, append([]string{"template", "rel"}, os.Args[2:]...))
		os.Stdout.Write(out.Bytes())
		if err != nil {
			fail(err)
		}
		return
	}
	if os.Args[1] == "own" {
		rows, err := own()
		if err == nil {
			err = newEncoder(os.Stdout).Encode(rows)
		}
		if err != nil {
			fail(err)
		}
		return
	}
	kind, known := kinds[os.Args[1]]
	if !known {
		fail(fmt.Errorf("there is no kind %q", os.Args[1]))
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	printed, err := kind(input)
	if err != nil {
		fail(err)
	}
	if err := newEncoder(os.Stdout).Encode(printed); err != nil {
		fail(err)
	}
}

func newEncoder(out io.Writer) *json.Encoder {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "Error:", err)
	os.Exit(1)
}

// each applies one function to each row of a YAML list.
func each[Row any](one func(Row) (any, error)) func([]byte) (any, error) {
	return func(input []byte) (any, error) {
		var rows []Row
		if err := yaml.UnmarshalStrict(input, &rows); err != nil {
			return nil, err
		}
		results := make([]any, len(rows))
		for at, row := range rows {
			result, err := one(row)
			if err != nil {
				return nil, err
			}
			results[at] = result
		}
		return results, nil
	}
}

func command(out io.Writer, args []string) error {
	// What a command prints itself goes to the standard output, which is ours.
	root, err := helm.NewRootCmd(out, args, func(bool) {})
	if err != nil {
		return err
	}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(io.Discard)
	root.SilenceErrors, root.SilenceUsage = true, true
	slog.SetDefault(slog.New(slog.DiscardHandler))
	return root.Execute()
}

// lay writes the files of a case below dir and gives the path of the chart.
func (it Case) lay(dir string) (string, error) {
	if it.Archive {
		packed, err := pack(it.Files)
		if err != nil {
			return "", err
		}
		name := filepath.Join(dir, "chart.tgz")
		return name, os.WriteFile(name, packed, 0o644)
	}
	top := filepath.Join(dir, "chart")
	for name, content := range it.Files {
		file := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		var data []byte
		switch content := content.(type) {
		case string:
			data = []byte(content)
		case map[string]any:
			if target, isLink := content["link"].(string); isLink {
				if err := os.Symlink(target, file); err != nil {
					return "", err
				}
				continue
			}
			packed, err := pack(content)
			if err != nil {
				return "", err
			}
			data = packed
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return "", err
		}
		if err := os.Chtimes(file, written, written); err != nil {
			return "", err
		}
	}
	return top, nil
}

// pack makes a chart archive. The paths already have the directory that Helm drops.
func pack(files map[string]any) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		var data []byte
		header := &tar.Header{Name: name, Mode: 0o644, ModTime: written, Typeflag: tar.TypeReg}
		switch content := files[name].(type) {
		case string:
			data = []byte(content)
		case map[string]any:
			if target, isLink := content["link"].(string); isLink {
				header.Typeflag, header.Linkname = tar.TypeSymlink, target
				break
			}
			packed, err := pack(content)
			if err != nil {
				return nil, err
			}
			data = packed
		}
		header.Size = int64(len(data))
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(data); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	err := zip.Close()
	return out.Bytes(), err
}

func (it Case) name() string {
	if it.Release == "" {
		return "rel"
	}
	return it.Release
}

// flags are those of values; each values text becomes a file.
func (it Case) flags(dir string) ([]string, error) {
	var args []string
	for at, text := range it.Values {
		file := filepath.Join(dir, fmt.Sprintf("values-%d.yaml", at))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return nil, err
		}
		args = append(args, "--values", file)
	}
	add := func(flag string, texts []string) {
		for _, text := range texts {
			args = append(args, flag+"="+text)
		}
	}
	add("--set", it.Set)
	add("--set-string", it.SetString)
	add("--set-json", it.SetJSON)
	add("--set-literal", it.SetLiteral)
	return args, nil
}

func render(it Case) (any, error) {
	dir, err := os.MkdirTemp("", "helm")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	chart, err := it.lay(dir)
	if err != nil {
		return nil, err
	}
	flags, err := it.flags(dir)
	if err != nil {
		return nil, err
	}
	args := append([]string{"template", it.name(), chart}, flags...)
	namespace := it.Namespace
	if namespace == "" {
		// What an earlier case said would count else.
		namespace = "default"
	}
	args = append(args, "--namespace", namespace)
	if it.KubeVersion != "" {
		args = append(args, "--kube-version", it.KubeVersion)
	}
	for _, version := range it.APIVersions {
		args = append(args, "--api-versions", version)
	}
	for _, file := range it.ShowOnly {
		args = append(args, "--show-only", file)
	}
	for flag, given := range map[string]bool{
		"--include-crds": it.IncludeCRDs, "--no-hooks": it.NoHooks, "--skip-tests": it.SkipTests,
		"--is-upgrade": it.IsUpgrade, "--skip-schema-validation": it.SkipSchema,
	} {
		if given {
			args = append(args, flag)
		}
	}
	var out bytes.Buffer
	if err := command(&out, args); err != nil {
		return map[string]any{"error": hidden(err, dir)}, nil
	}
	return map[string]any{"output": out.String()}, nil
}

// hidden takes the directory, which differs from run to run, out of an error.
func hidden(err error, dir string) string {
	return strings.ReplaceAll(err.Error(), dir+"/", "")
}

func record(it Case) (any, error) {
	dir, err := os.MkdirTemp("", "helm")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	place, err := it.lay(dir)
	if err != nil {
		return nil, err
	}
	chart, err := loader.Load(place)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for _, text := range it.Values {
		read, err := loader.LoadValues(strings.NewReader(text))
		if err != nil {
			return nil, err
		}
		values = loader.MergeMaps(values, read)
	}
	for _, text := range it.Set {
		if err := strvals.ParseInto(text, values); err != nil {
			return nil, err
		}
	}
	install := action.NewInstall(action.NewConfiguration())
	install.ReleaseName, install.Namespace = it.name(), it.Namespace
	install.DryRunStrategy = action.DryRunClient
	install.Replace = true
	releaser, err := install.Run(chart, values)
	if err != nil {
		return nil, err
	}
	made, isRelease := releaser.(*release.Release)
	if !isRelease {
		return nil, fmt.Errorf("a release of another kind: %T", releaser)
	}
	made.Info.FirstDeployed, made.Info.LastDeployed = written, written.Add(time.Hour+1234567*time.Nanosecond)
	made.SetStatus("deployed", "Install complete")
	plain, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	// The storage's own encoding is reached through its driver, with a cluster in memory.
	stored, err := stored(made)
	if err != nil {
		return nil, err
	}
	return map[string]any{"json": string(plain), "stored": stored}, nil
}

// Ours is a release as we encode it.
type Ours struct {
	Stored string `json:"stored"`
}

func read(it Ours) (any, error) {
	made, err := fromSecret(it.Stored)
	if err != nil {
		return map[string]any{"error": err.Error()}, nil
	}
	plain, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	return map[string]any{"json": string(plain)}, nil
}

// Row is a text for one of the `--set` flags.
type Row struct {
	Kind string         `json:"kind"`
	Text string         `json:"text"`
	Base map[string]any `json:"base,omitempty"`
}

func set(row Row) (any, error) {
	base := row.Base
	if base == nil {
		base = map[string]any{}
	}
	var err error
	switch row.Kind {
	case "set":
		err = strvals.ParseInto(row.Text, base)
	case "string":
		err = strvals.ParseIntoString(row.Text, base)
	case "json":
		err = strvals.ParseJSON(row.Text, base)
	case "literal":
		err = strvals.ParseLiteralInto(row.Text, base)
	case "file":
		err = strvals.ParseIntoFile(row.Text, base, func(name []rune) (any, error) {
			if strings.HasPrefix(string(name), "missing") {
				return nil, fmt.Errorf("open %s: no such file", string(name))
			}
			return "content of " + string(name), nil
		})
	default:
		return nil, fmt.Errorf("there is no kind %q", row.Kind)
	}
	if err != nil {
		return map[string]any{"error": err.Error()}, nil
	}
	// The types tell an int64 of the flag from a float64 of a file.
	return map[string]any{"values": typed(base)}, nil
}

func typed(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range value {
			out[key] = typed(value)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for at, value := range value {
			out[at] = typed(value)
		}
		return out
	case int64, float64:
		return map[string]any{fmt.Sprintf("%T", value): value}
	}
	return value
}

// Rules are those of a `.helmignore`; a path that ends in a slash is a directory.
type Rules struct {
	Rules string   `json:"rules"`
	Paths []string `json:"paths"`
}

type entry struct{ directory bool }

func (entry) Name() string       { return "" }
func (entry) Size() int64        { return 0 }
func (entry) Mode() os.FileMode  { return 0 }
func (entry) ModTime() time.Time { return written }
func (it entry) IsDir() bool     { return it.directory }
func (entry) Sys() any           { return nil }

func ignored(row Rules) (any, error) {
	rules, err := ignore.Parse(strings.NewReader(row.Rules))
	if err != nil {
		return map[string]any{"error": err.Error()}, nil
	}
	rules.AddDefaults()
	out := []string{}
	for _, path := range row.Paths {
		if rules.Ignore(strings.TrimSuffix(path, "/"), entry{strings.HasSuffix(path, "/")}) {
			out = append(out, path)
		}
	}
	return map[string]any{"ignored": out}, nil
}

// Pattern is one of `.Files.Glob`.
type Pattern struct {
	Pattern string   `json:"pattern"`
	Names   []string `json:"names"`
}

func globbed(row Pattern) (any, error) {
	pattern, err := glob.Compile(row.Pattern, '/')
	if err != nil {
		return map[string]any{"error": err.Error()}, nil
	}
	out := []string{}
	for _, name := range row.Names {
		if pattern.Match(name) {
			out = append(out, name)
		}
	}
	return map[string]any{"taken": out}, nil
}

func kube(text string) (any, error) {
	version, err := common.ParseKubeVersion(text)
	if err != nil {
		return map[string]any{"error": err.Error()}, nil
	}
	return []string{version.Version, version.String(), version.Major, version.Minor}, nil
}

func lint(it Case) (any, error) {
	dir, err := os.MkdirTemp("", "helm")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	chart, err := it.lay(dir)
	if err != nil {
		return nil, err
	}
	flags, err := it.flags(dir)
	if err != nil {
		return nil, err
	}
	args := append([]string{"lint", chart}, flags...)
	if it.Strict {
		args = append(args, "--strict")
	}
	var out bytes.Buffer
	result := map[string]any{}
	if err := command(&out, args); err != nil {
		result["error"] = hidden(err, dir)
	}
	result["output"] = strings.ReplaceAll(out.String(), dir+"/", "")
	return result, nil
}

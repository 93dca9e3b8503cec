// Prints what Kustomize 5.8.1 makes of directories, and the tables that it carries.
//
//	kustomize build < CASES                                    what it makes of trees that are given as JSON
//	kustomize print DIR                                        what `kustomize build` prints
//	kustomize build [-reorder none|legacy] [-load none] DIR…   one line of JSON for each directory
//	kustomize defaults FILE                                    the field specs that every build starts with
//	kustomize suite                                            the tables of its own tests, and what it makes of them
//	kustomize schema FILE                                      where lists merge, by the OpenAPI that is built in
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("build, suite, print, defaults or schema")
	}
	switch os.Args[1] {
	case "build":
		if len(os.Args) == 2 {
			cases(os.Stdin, os.Stdout)
			return
		}
		build(os.Args[2:])
	case "suite":
		suite(os.Stdout)
	case "print":
		out, err := one(os.Args[2], "legacy", "root", "")
		if err != nil {
			log.Fatal(err)
		}
		_, _ = os.Stdout.Write(out)
	case "defaults":
		write(os.Args[2:], defaults)
	case "schema":
		write(os.Args[2:], schema)
	default:
		log.Fatalf("what is %s?", os.Args[1])
	}
}

func write(args []string, table func(io.Writer)) {
	if len(args) != 1 {
		log.Fatal("one file")
	}
	file, err := os.Create(args[0])
	if err != nil {
		log.Fatal(err)
	}
	table(file)
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
}

type result struct {
	Dir string `json:"dir"`
	Out string `json:"out"`
	Err string `json:"err"`
}

func build(args []string) {
	flags := flag.NewFlagSet("build", flag.ExitOnError)
	reorder := flags.String("reorder", "legacy", "none or legacy")
	load := flags.String("load", "root", "root or none")
	_ = flags.Parse(args)
	log.SetOutput(io.Discard)
	lines := json.NewEncoder(os.Stdout)
	lines.SetEscapeHTML(false)
	for _, dir := range flags.Args() {
		out, err := one(dir, *reorder, *load, "")
		line := result{Dir: dir, Out: string(out)}
		if err != nil {
			line.Err = err.Error()
		}
		if err := lines.Encode(line); err != nil {
			log.Fatal(err)
		}
	}
}

// One build as the command does it, with charts where there is a helm. What it panics with is its answer too.
func one(dir, reorder, load, helm string) (out []byte, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	openapi.ResetOpenAPI()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOption(reorder)
	if load == "none" {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	if helm != "" {
		options.PluginConfig = types.EnabledPluginConfig(types.BploUseStaticallyLinked)
		options.PluginConfig.HelmConfig.Enabled = true
		options.PluginConfig.HelmConfig.Command = helm
		// As the command without --enable-alpha-plugins.
		options.PluginConfig.PluginRestrictions = types.PluginRestrictionsBuiltinsOnly
	}
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, err
	}
	return resources.AsYaml()
}

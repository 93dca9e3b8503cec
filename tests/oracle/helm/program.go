package main

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	helm "helm.sh/helm/v4/pkg/cmd"
)

// asHelm is the program itself, which Kustomize runs where a kustomization names charts.
func asHelm(args []string) {
	log.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	root, err := helm.NewRootCmd(os.Stdout, args, func(bool) {})
	if err == nil {
		root.SetArgs(args)
		root.SetErr(io.Discard)
		root.SilenceErrors, root.SilenceUsage = true, true
		slog.SetDefault(slog.New(slog.DiscardHandler))
		err = root.Execute()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// The oracle of the `plan` stage: what fluxcd/pkg/ssa makes of our inputs.
//
//	go run . <table> < tests/data/ssa/<table>.yaml > tests/data/ssa/<table>.expected.json
//
// Tables: cleanup (the patch before an apply), drift, immutable, mask (Secrets), text (dry-run errors).
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	_ "unsafe"

	"github.com/fluxcd/pkg/ssa"
	ssaerrors "github.com/fluxcd/pkg/ssa/errors"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

type row = map[string]any

var tables = map[string]func(row) (any, error){
	"cleanup":   cleanup,
	"drift":     drift,
	"immutable": immutable,
	"mask":      mask,
	"text":      text,
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 || tables[os.Args[1]] == nil {
		return errors.New("usage: go run . <table> < inputs > expected")
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var rows map[string]row
	if err := yaml.Unmarshal(input, &rows); err != nil {
		return err
	}
	expected := map[string]any{}
	for name, row := range rows {
		if expected[name], err = tables[os.Args[1]](row); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(expected)
}

func object(row row, key string) *unstructured.Unstructured {
	fields, _ := row[key].(map[string]any)
	return &unstructured.Unstructured{Object: fields}
}

// As kustomize-controller sets it up.
func cleanup(row row) (any, error) {
	live := object(row, "live")
	patch := ssa.PatchRemoveAnnotations(live, []string{
		corev1.LastAppliedConfigAnnotation, "kustomize.toolkit.fluxcd.io/checksum", "fluxcd.io/sync-checksum",
	})
	patch = append(patch, ssa.PatchRemoveLabels(live, []string{"fluxcd.io/sync-gc-mark"})...)
	managers, err := ssa.PatchReplaceFieldsManagers(live, []ssa.FieldManager{
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
		{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
		{Name: "kustomize-controller", OperationType: metav1.ManagedFieldsOperationUpdate},
	}, "kustomize-controller")
	if err != nil {
		return nil, err
	}
	return append(patch, managers...), nil
}

//go:linkname hasDrifted github.com/fluxcd/pkg/ssa.(*ResourceManager).hasDrifted
func hasDrifted(m *ssa.ResourceManager, existing, dryRun *unstructured.Unstructured) bool

func drift(row row) (any, error) {
	would := object(row, "would")
	would.SetResourceVersion("1")
	return hasDrifted(&ssa.ResourceManager{}, object(row, "live"), would), nil
}

func failure(row row) (error, error) {
	raw, err := json.Marshal(row["status"])
	if err != nil {
		return nil, err
	}
	var status metav1.Status
	if err := json.Unmarshal(raw, &status); err != nil {
		return nil, err
	}
	if status.Code == 0 {
		return errors.New(status.Message), nil
	}
	return &apierrors.StatusError{ErrStatus: status}, nil
}

func immutable(row row) (any, error) {
	failure, err := failure(row)
	if err != nil {
		return nil, err
	}
	return ssaerrors.IsImmutableError(failure), nil
}

func text(row row) (any, error) {
	failure, err := failure(row)
	if err != nil {
		return nil, err
	}
	return ssaerrors.NewDryRunErr(failure, object(row, "object")).Error(), nil
}

func mask(row row) (any, error) {
	before, after := object(row, "before"), object(row, "after")
	if err := ssa.SanitizeUnstructuredData(before, after); err != nil {
		return nil, err
	}
	return []any{before.Object["data"], after.Object["data"]}, nil
}

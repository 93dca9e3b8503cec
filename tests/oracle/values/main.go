// Command values prints what Flux's helm-controller makes of `valuesFrom` and `values` of a HelmRelease.
//
//	values from < rows.yaml    the values, or the error, of each row
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/chartutil"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Row is one case. The field names are those of tests/it/render/values.rs.
type Row struct {
	About      string                       `json:"about"`
	Values     map[string]any               `json:"values,omitempty"`
	ValuesFrom []meta.ValuesReference       `json:"valuesFrom,omitempty"`
	ConfigMaps map[string]map[string]string `json:"configMaps,omitempty"`
	Secrets    map[string]map[string]string `json:"secrets,omitempty"`
}

// cluster answers what chartutil asks, and nothing else.
type cluster struct {
	client.Client
	row Row
}

func (it cluster) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch into := into.(type) {
	case *corev1.ConfigMap:
		if data, known := it.row.ConfigMaps[key.Name]; known {
			into.Data = data
			return nil
		}
		return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
	case *corev1.Secret:
		if data, known := it.row.Secrets[key.Name]; known {
			into.Data = map[string][]byte{}
			for name, text := range data {
				into.Data[name] = []byte(text)
			}
			return nil
		}
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
	}
	return fmt.Errorf("nobody asks for %T", into)
}

func one(row Row) any {
	values, err := chartutil.ChartValuesFromReferences(
		context.Background(), logr.Discard(), cluster{row: row}, "shop", row.Values, row.ValuesFrom...)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"values": values}
}

func run() error {
	if len(os.Args) != 2 || os.Args[1] != "from" {
		return errors.New("say what to do")
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var rows []Row
	if err := yaml.UnmarshalStrict(input, &rows); err != nil {
		return err
	}
	results := make([]any, len(rows))
	for at, row := range rows {
		results[at] = one(row)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(results)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

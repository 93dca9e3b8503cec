package main

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	applyv1 "k8s.io/client-go/applyconfigurations/core/v1"

	"helm.sh/helm/v4/pkg/release"
	v1 "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
)

// secrets is the part of a cluster that Helm's storage writes to and reads from.
type secrets struct{ one *corev1.Secret }

var errNotHere = errors.New("this cluster keeps one secret")

func (it *secrets) Create(_ context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	it.one = secret
	return secret, nil
}

func (it *secrets) Get(context.Context, string, metav1.GetOptions) (*corev1.Secret, error) {
	return it.one, nil
}

func (it *secrets) Update(context.Context, *corev1.Secret, metav1.UpdateOptions) (*corev1.Secret, error) {
	return nil, errNotHere
}
func (it *secrets) Delete(context.Context, string, metav1.DeleteOptions) error { return errNotHere }
func (it *secrets) DeleteCollection(context.Context, metav1.DeleteOptions, metav1.ListOptions) error {
	return errNotHere
}
func (it *secrets) List(context.Context, metav1.ListOptions) (*corev1.SecretList, error) {
	return nil, errNotHere
}
func (it *secrets) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	return nil, errNotHere
}
func (it *secrets) Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*corev1.Secret, error) {
	return nil, errNotHere
}
func (it *secrets) Apply(context.Context, *applyv1.SecretApplyConfiguration, metav1.ApplyOptions) (*corev1.Secret, error) {
	return nil, errNotHere
}

// stored is the value of `release` in the Secret that Helm writes.
func stored(made *v1.Release) (string, error) {
	cluster := &secrets{}
	if err := driver.NewSecrets(cluster).Create("key", made); err != nil {
		return "", err
	}
	return string(cluster.one.Data["release"]), nil
}

// fromSecret is what Helm reads of such a value.
func fromSecret(stored string) (release.Releaser, error) {
	secret := &corev1.Secret{Data: map[string][]byte{"release": []byte(stored)}}
	return driver.NewSecrets(&secrets{secret}).Get("key")
}

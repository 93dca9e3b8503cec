//! APIs that Kubernetes gives up, as client-go of 1.36 knows them, which Helm 4.2.3 asks.

use crate::render::helm::{KubeVersion, manifest::Head};

/// An API version, since when it is given up, when it is gone, what comes in its place, and the kinds; `a>b`: in place of `a`
/// comes `b`, else the kind of the same name. The facts are those of the `zz_generated.prerelease-lifecycle.go` of `k8s.io/api`.
const TABLE: &str = "\
admissionregistration.k8s.io/v1alpha1 1.29 1.32 - ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingAdmissionPolicyBindingList ValidatingAdmissionPolicyList
admissionregistration.k8s.io/v1alpha1 1.35 1.38 - MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingAdmissionPolicyBindingList MutatingAdmissionPolicyList
admissionregistration.k8s.io/v1beta1 1.16 1.22 admissionregistration.k8s.io/v1 MutatingWebhookConfiguration MutatingWebhookConfigurationList ValidatingWebhookConfiguration ValidatingWebhookConfigurationList
admissionregistration.k8s.io/v1beta1 1.31 1.34 - ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingAdmissionPolicyBindingList ValidatingAdmissionPolicyList
admissionregistration.k8s.io/v1beta1 1.37 1.40 admissionregistration.k8s.io/v1 MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingAdmissionPolicyBindingList MutatingAdmissionPolicyList
apps/v1beta1 1.8 1.16 apps/v1 ControllerRevision ControllerRevisionList Deployment DeploymentList DeploymentRollback StatefulSet StatefulSetList
apps/v1beta1 1.8 1.16 autoscaling/v1 Scale
apps/v1beta2 1.9 1.16 apps/v1 ControllerRevision ControllerRevisionList DaemonSet DaemonSetList Deployment DeploymentList ReplicaSet ReplicaSetList StatefulSet StatefulSetList
apps/v1beta2 1.9 1.16 autoscaling/v1 Scale
authentication.k8s.io/v1alpha1 1.29 1.32 - SelfSubjectReview
authentication.k8s.io/v1beta1 1.19 1.22 authentication.k8s.io/v1 TokenReview
authentication.k8s.io/v1beta1 1.30 1.33 - SelfSubjectReview
authorization.k8s.io/v1beta1 1.19 1.22 authorization.k8s.io/v1 LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview
batch/v1beta1 1.21 1.25 batch/v1 CronJob CronJobList
certificates.k8s.io/v1alpha1 1.34 1.37 - ClusterTrustBundle ClusterTrustBundleList
certificates.k8s.io/v1beta1 1.19 1.22 certificates.k8s.io/v1 CertificateSigningRequest CertificateSigningRequestList
certificates.k8s.io/v1beta1 1.37 1.40 - ClusterTrustBundle ClusterTrustBundleList
certificates.k8s.io/v1beta1 1.38 1.41 - PodCertificateRequest PodCertificateRequestList
coordination.k8s.io/v1alpha2 1.35 1.38 - LeaseCandidate LeaseCandidateList
coordination.k8s.io/v1beta1 1.19 1.22 coordination.k8s.io/v1 Lease LeaseList
coordination.k8s.io/v1beta1 1.36 1.39 - LeaseCandidate LeaseCandidateList
discovery.k8s.io/v1beta1 1.21 1.25 discovery.k8s.io/v1 EndpointSlice EndpointSliceList>EndpointSlice
events.k8s.io/v1beta1 1.22 1.25 - Event EventList
extensions/v1beta1 1.14 1.22 networking.k8s.io/v1 Ingress IngressList
extensions/v1beta1 1.2 1.16 - Scale
extensions/v1beta1 1.8 1.16 - DeploymentRollback
extensions/v1beta1 1.8 1.16 apps/v1 DaemonSet DaemonSetList Deployment DeploymentList ReplicaSet ReplicaSetList
extensions/v1beta1 1.9 1.16 networking.k8s.io/v1 NetworkPolicy NetworkPolicyList
flowcontrol.apiserver.k8s.io/v1beta1 1.23 1.26 flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema FlowSchemaList PriorityLevelConfiguration PriorityLevelConfigurationList
flowcontrol.apiserver.k8s.io/v1beta2 1.26 1.29 flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema FlowSchemaList PriorityLevelConfiguration PriorityLevelConfigurationList
flowcontrol.apiserver.k8s.io/v1beta3 1.29 1.32 flowcontrol.apiserver.k8s.io/v1 FlowSchema FlowSchemaList PriorityLevelConfiguration PriorityLevelConfigurationList
networking.k8s.io/v1beta1 1.19 1.22 networking.k8s.io/v1 Ingress IngressClass>IngressClassList IngressClassList IngressList
networking.k8s.io/v1beta1 1.34 1.37 - IPAddress IPAddressList ServiceCIDR ServiceCIDRList
node.k8s.io/v1beta1 1.22 1.25 - RuntimeClass RuntimeClassList
policy/v1beta1 1.21 1.25 policy/v1 PodDisruptionBudget PodDisruptionBudgetList
policy/v1beta1 1.22 1.25 - Eviction
rbac.authorization.k8s.io/v1beta1 1.17 1.22 rbac.authorization.k8s.io/v1 ClusterRole ClusterRoleBinding ClusterRoleBindingList ClusterRoleList Role RoleBinding RoleBindingList RoleList
resource.k8s.io/v1alpha3 1.36 1.39 - DeviceTaintRule DeviceTaintRuleList
resource.k8s.io/v1alpha3 1.39 1.42 - ResourcePoolStatusRequest ResourcePoolStatusRequestList
resource.k8s.io/v1beta1 1.35 1.38 - DeviceClass DeviceClassList ResourceClaim ResourceClaimList ResourceClaimTemplate ResourceClaimTemplateList ResourceSlice ResourceSliceList
resource.k8s.io/v1beta2 1.36 1.39 - DeviceClass DeviceClassList ResourceClaim ResourceClaimList ResourceClaimTemplate ResourceClaimTemplateList ResourceSlice ResourceSliceList
resource.k8s.io/v1beta2 1.39 1.42 - DeviceTaintRule DeviceTaintRuleList
scheduling.k8s.io/v1beta1 1.14 1.22 scheduling.k8s.io/v1 PriorityClass PriorityClassList
storage.k8s.io/v1alpha1 1.21 1.24 storage.k8s.io/v1 VolumeAttachment VolumeAttachmentList
storage.k8s.io/v1alpha1 1.21 1.24 storage.k8s.io/v1beta1 CSIStorageCapacity CSIStorageCapacityList
storage.k8s.io/v1alpha1 1.32 1.35 storage.k8s.io/v1 VolumeAttributesClass VolumeAttributesClassList
storage.k8s.io/v1beta1 1.17 1.22 storage.k8s.io/v1 CSINode CSINodeList>CSINode
storage.k8s.io/v1beta1 1.19 1.22 storage.k8s.io/v1 CSIDriver CSIDriverList StorageClass StorageClassList VolumeAttachment VolumeAttachmentList
storage.k8s.io/v1beta1 1.24 1.27 storage.k8s.io/v1 CSIStorageCapacity CSIStorageCapacityList
storage.k8s.io/v1beta1 1.34 1.37 storage.k8s.io/v1 VolumeAttributesClass VolumeAttributesClassList
storagemigration.k8s.io/v1beta1 1.38 1.41 - StorageVersionMigration StorageVersionMigrationList
v1 1.19 - - ComponentStatus ComponentStatusList
v1 1.33 - discovery.k8s.io/v1 Endpoints>EndpointSlice EndpointsList>EndpointSliceList";

/// What is to be said of an object's API, on a cluster of that version.
pub(super) fn warning(head: &Head, on: &KubeVersion) -> Option<String> {
    let (version, kind) = (head.api_version.as_str(), head.kind.as_str());
    TABLE.lines().find_map(|line| {
        let mut words = line.split(' ');
        if words.next() != Some(version) {
            return None;
        }
        let (since, gone, instead) = (words.next()?, words.next()?, words.next()?);
        let other = words.find_map(|word| match word.split_once('>') {
            Some((of, other)) if of == kind => Some(other),
            None if word == kind => Some(kind),
            _ => None,
        })?;
        let number = |text: &str| text.parse::<u32>().ok();
        let (major, minor) = since.split_once('.')?;
        let from = (number(major)?, number(minor)?);
        if from > (number(&on.major)?, number(&on.minor)?) {
            return None;
        }
        let mut text = format!("{version} {kind} is deprecated in v{since}+");
        if gone != "-" {
            text.push_str(&format!(", unavailable in v{gone}+"));
        }
        if instead != "-" {
            text.push_str(&format!("; use {instead} {other}"));
        }
        Some(text)
    })
}

//! Which server it is and who we are to it: a kubeconfig, or what a pod is given.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use kube::config::{AuthInfo, Config, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::fault::{Class, Fault};

/// Where the address of a server and the credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// The current context of a kubeconfig. It is read again whenever it, or a file that it names, is another.
    Kubeconfig(PathBuf),
    /// What Kubernetes gives to a pod: the environment names the server, the service account's files the rest.
    InCluster,
}

/// A kubeconfig that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// It is not there, or not readable.
    #[error("{}: the kubeconfig cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is none, or lacks what its current context names.
    #[error("{}: not a kubeconfig that can be used", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It names a program that prints credentials.
    #[error("{}: user `{user}` gets its credentials from the program `{program}`, which is not run", .path.display())]
    Program {
        /// The file.
        path: PathBuf,
        /// The user of the current context.
        user: String,
        /// What would be run.
        program: String,
    },
    /// It asks for something else that is not done.
    #[error("{}: `{field}` is not supported", .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What asks for it.
        field: &'static str,
    },
    /// There is no pod around us.
    #[error("there is no service account of a pod here")]
    NoPod(#[source] InClusterError),
}

impl Fault for AccessError {
    fn code(&self) -> &'static str {
        "kubeconfig"
    }

    fn class(&self) -> Class {
        match self {
            Self::Unreadable { .. } | Self::NoPod(_) => Class::Unavailable,
            Self::Invalid { .. } | Self::Program { .. } | Self::Unsupported { .. } => Class::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Unreadable { .. } => {
                "`apply.kubeconfig` in airlock.yaml names the file; the user `airlock` must be able to read it"
            }
            Self::Invalid { .. } => "`kubectl --kubeconfig FILE config view` prints what kubectl makes of it",
            Self::Program { .. } => {
                "give the user a token, a `tokenFile`, or a client certificate: no other program is started on a node"
            }
            Self::Unsupported { field: "insecure-skip-tls-verify", .. } => {
                "name the server's own authority in `certificate-authority`: secrets are sent to that server"
            }
            Self::Unsupported { .. } => "take it out of the kubeconfig",
            Self::NoPod(_) => "name a file, as in `apply: {kubeconfig: /etc/airlock/kubeconfig}`",
        };
        Some(text.to_owned())
    }
}

/// The files that credentials come from, as they were when they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

/// What tells that a file was written again: when, its size, its inode.
type Stamp = (SystemTime, u64, u64);

impl Stamps {
    fn of(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let stamp = |path: &Path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        };
        Self(files.into_iter().map(|path| (path.clone(), stamp(&path))).collect())
    }

    /// Whether the same files are still the same.
    pub(super) fn still_hold(&self) -> bool {
        *self == Self::of(self.0.iter().map(|(path, _)| path.clone()))
    }
}

/// Where the files of a service account are, wherever a pod runs.
const POD_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

impl Access {
    /// The files that it depends on as far as is known without reading them.
    pub(super) fn stamps(&self) -> Stamps {
        match self {
            Self::Kubeconfig(path) => Stamps::of([path.clone()]),
            Self::InCluster => Stamps::of(["token", "ca.crt"].map(|name| Path::new(POD_FOLDER).join(name))),
        }
    }

    /// What it says cannot be used: a certificate that is none, a key of an unknown form.
    pub(super) fn unusable(&self, error: kube::Error) -> AccessError {
        let path = match self {
            Self::Kubeconfig(path) => path.clone(),
            Self::InCluster => POD_FOLDER.into(),
        };
        AccessError::Invalid { path, source: error.into() }
    }

    /// Reads it: which files say so, as they are now, and the server and the credentials, if they do.
    pub(super) async fn load(&self) -> (Stamps, Result<Config, AccessError>) {
        // Stamped before they are read, so that a change in between is seen as one.
        let mut stamps = self.stamps();
        let Self::Kubeconfig(path) = self else {
            return (stamps, Config::incluster().map_err(AccessError::NoPod));
        };
        let (kubeconfig, files) = match read(path) {
            Ok(read) => read,
            Err(error) => return (stamps, Err(error)),
        };
        stamps.0.extend(Stamps::of(files).0);
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let config = config.map_err(|error| invalid(path, error)).map(|mut config| {
            // The environment's proxies are for other traffic.
            config.proxy_url = None;
            config
        });
        (stamps, config)
    }
}

fn invalid(path: &Path, error: KubeconfigError) -> AccessError {
    let path = path.to_owned();
    match error {
        KubeconfigError::ReadConfig(source, _) => AccessError::Unreadable { path, source: source.into() },
        error => AccessError::Invalid { path, source: error.into() },
    }
}

/// A kubeconfig without what is refused, and the files that its current context names.
fn read(path: &Path) -> Result<(Kubeconfig, Vec<PathBuf>), AccessError> {
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| invalid(path, error))?;
    let context = kubeconfig.current_context.as_deref().unwrap_or("");
    let context = kubeconfig.contexts.iter().find(|it| it.name == context);
    let Some(context) = context.and_then(|it| it.context.as_ref()) else {
        return Err(invalid(path, KubeconfigError::CurrentContextNotSet));
    };
    let cluster = kubeconfig.clusters.iter().find(|it| it.name == context.cluster);
    let Some(cluster) = cluster.and_then(|it| it.cluster.as_ref()) else {
        return Err(invalid(path, KubeconfigError::LoadClusterOfContext(context.cluster.clone())));
    };
    let name = context.user.as_deref().unwrap_or("");
    let nobody = AuthInfo::default();
    let user = kubeconfig.auth_infos.iter().find(|it| it.name == name);
    let user = user.and_then(|it| it.auth_info.as_ref()).unwrap_or(&nobody);

    let program = match (&user.exec, &user.auth_provider) {
        (Some(exec), _) => Some(exec.command.clone().unwrap_or_default()),
        (None, Some(provider)) => Some(provider.name.clone()),
        (None, None) => None,
    };
    if let Some(program) = program {
        return Err(AccessError::Program { path: path.to_owned(), user: name.to_owned(), program });
    }
    let asks = [
        (cluster.insecure_skip_tls_verify == Some(true), "insecure-skip-tls-verify"),
        (cluster.proxy_url.as_deref().is_some_and(|it| !it.is_empty()), "proxy-url"),
        // Entries are applied as service accounts of their own; two such headers would be one too many.
        (user.impersonate.is_some(), "as"),
    ];
    if let Some((_, field)) = asks.into_iter().find(|(asked, _)| *asked) {
        return Err(AccessError::Unsupported { path: path.to_owned(), field });
    }
    let named =
        [&cluster.certificate_authority, &user.client_certificate, &user.client_key, &user.token_file];
    let files = named.into_iter().flatten().map(PathBuf::from).collect();
    Ok((kubeconfig, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kubeconfig with this in its cluster and this in its user.
    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {{server: \"https://10.0.0.1:6443\"{cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n"
        )
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, text).unwrap();
        let told = match read(&path) {
            Ok((_, files)) => {
                files.iter().map(|it| it.file_name().unwrap().to_str().unwrap()).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string().replace(&format!("{}: ", path.display()), ""),
        };
        assert_eq!(told, expect, "{text}");
    }

    #[test]
    fn what_is_taken_and_what_is_refused() {
        check(&kubeconfig("", "token: t"), "");
        check(
            &kubeconfig(
                ", certificate-authority: ca.crt",
                "tokenFile: t, client-key: k, client-certificate: c",
            ),
            "ca.crt c k t",
        );
        check(
            &kubeconfig("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, args: [eks]}"),
            "user `u` gets its credentials from the program `aws`, which is not run",
        );
        check(
            &kubeconfig("", "auth-provider: {name: gcp}"),
            "user `u` gets its credentials from the program `gcp`, which is not run",
        );
        check(
            &kubeconfig(", insecure-skip-tls-verify: true", ""),
            "`insecure-skip-tls-verify` is not supported",
        );
        check(&kubeconfig(", proxy-url: \"http://p\"", ""), "`proxy-url` is not supported");
        check(&kubeconfig("", "as: somebody"), "`as` is not supported");
        check("a: [", "not a kubeconfig that can be used");
        check("", "not a kubeconfig that can be used");
        check(
            "current-context: c\ncontexts: [{name: c, context: {cluster: gone}}]\n",
            "not a kubeconfig that can be used",
        );
    }

    #[test]
    fn a_file_that_is_another_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::Kubeconfig(folder.path().join("config"));
        let before = access.stamps();
        assert!(before.still_hold());
        std::fs::write(folder.path().join("config"), kubeconfig("", "token: t")).unwrap();
        assert!(!before.still_hold());
    }
}

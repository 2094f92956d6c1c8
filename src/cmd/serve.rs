//! `dunnage serve`: the extender on a real cluster.
//!
//! Flags first, then sockets, so that a taken port is found at once; then files; then the watches. Until
//! those have listed everything, the extender answers neutrally.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::cli::{Registries, Serve, Steps, Switch};
use crate::cmd::{Usage, files, ports};
use crate::edge::clock::Clock;
use crate::edge::shared::Shared;
use crate::edge::{admin, extender, registry, watch};
use crate::policy::interest::Interest;

/// Runs until a signal ends it.
///
/// # Errors
/// If a flag, a file or an address cannot be used.
pub async fn run(flags: Serve) -> anyhow::Result<()> {
    let interest = interest(&flags.steps)?;
    let tls = tls(&flags).await?;
    let extender_port = ports::Port::bind("--listen", flags.listen)?;
    let admin_port = ports::Port::bind("--admin-listen", flags.admin_listen)?;
    let policy = files::policy(&flags.policy)?;
    let shared = Arc::new(Shared::new(policy, interest, Clock::Real));
    files::manifests(&flags.manifests, &shared)?;
    let client = client(flags.kubeconfig.as_deref()).await?;
    let registries = registries(&flags.registries, &client)?;
    let settings = extender::Settings {
        deadline: flags.deadline,
        body_bytes_max: usize::from(flags.body_limit) << 20,
        shadow: flags.shadow,
    };
    tracing::info!(
        extender = %extender_port.address,
        admin = %admin_port.address,
        tls = tls.is_some(),
        shadow = flags.shadow,
        policy = flags.policy,
        "serving"
    );
    let (on_extender, on_admin) = (Handle::new(), Handle::new());
    let extender = extender::router(shared.clone(), settings);
    let extender = ports::serve_apart(extender_port, extender, tls, on_extender.clone());
    let admin = admin_port.serve(admin::router(shared.clone()), None, on_admin.clone());
    let resolver = registries.map(|settings| registry::run(settings, shared.clone())).transpose();
    let resolving = resolver.context("cannot set up TLS for registries")?.map(tokio::spawn);
    let watching = tokio::spawn(watch::run(client, shared));
    let ending = async {
        ports::end_signal().await?;
        tracing::info!("ending");
        ports::end(&[&on_extender, &on_admin]);
        anyhow::Ok(())
    };
    tokio::try_join!(extender, admin, ending)?;
    watching.abort();
    if let Some(resolving) = resolving {
        resolving.abort();
    }
    Ok(())
}

/// What the resolver may use; `None` if there shall be none. A file or folder that is not there is an
/// error now, not a warning later.
///
/// # Errors
/// If one cannot be read.
pub fn registries(
    flags: &Registries,
    client: &Client,
) -> anyhow::Result<Option<registry::Settings>> {
    if flags.resolve == Switch::Off {
        return Ok(None);
    }
    if let Some(file) = &flags.docker_config {
        std::fs::read(file).with_context(|| format!("--docker-config {}", file.display()))?;
    }
    if let Some(folder) = &flags.registry_hosts_dir {
        std::fs::read_dir(folder)
            .with_context(|| format!("--registry-hosts-dir {}", folder.display()))?;
    }
    Ok(Some(registry::Settings {
        docker_config: flags.docker_config.clone(),
        hosts_dir: flags.registry_hosts_dir.clone(),
        secrets: flags.registry_secrets.then(|| client.clone()),
        tag_lifetime: flags.tag_lifetime,
    }))
}

/// The certificate and key of the extender port. Plain HTTP only where nobody else can listen in.
async fn tls(flags: &Serve) -> anyhow::Result<Option<RustlsConfig>> {
    let (Some(cert), Some(key)) = (&flags.tls_cert, &flags.tls_key) else {
        if flags.listen.ip().is_loopback() || flags.insecure_http {
            return Ok(None);
        }
        let refusal = format!(
            "plain HTTP on {} can be read and forged by others: give --tls-cert and --tls-key, \
             listen on loopback, or allow it with --insecure-http",
            flags.listen
        );
        return Err(Usage(refusal).into());
    };
    let config = RustlsConfig::from_pem_file(cert, key).await;
    let config = config.with_context(|| {
        format!("cannot use certificate {} with key {}", cert.display(), key.display())
    })?;
    Ok(Some(config))
}

/// Which pods are step pods.
///
/// # Errors
/// If the selector is none.
pub fn interest(steps: &Steps) -> Result<Interest, Usage> {
    if steps.all_pods {
        return Ok(Interest::All);
    }
    if let Some(selector) = &steps.pod_selector {
        return Interest::selector(selector)
            .map_err(|error| Usage(format!("--pod-selector: {error}")));
    }
    if steps.scheduler_name.is_empty() {
        return Ok(Interest::default());
    }
    Ok(Interest::Schedulers(steps.scheduler_name.clone()))
}

/// A client by the named kubeconfig, else in-cluster, else by the usual rules.
///
/// # Errors
/// If there is no configuration, or it cannot be read.
pub async fn client(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let config = match kubeconfig {
        Some(file) => {
            let name = file.display().to_string();
            let read = Kubeconfig::read_from(file)
                .map_err(|error| anyhow::anyhow!("kubeconfig {}", files::placed(&name, &error)))?;
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
                .await
                .with_context(|| format!("kubeconfig {}", file.display()))?
        }
        None => Config::infer().await.context(
            "no cluster configuration: give --kubeconfig FILE, set KUBECONFIG, or run in a cluster",
        )?,
    };
    Ok(Client::try_from(config)?)
}

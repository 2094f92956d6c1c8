//! The resolver with both ports on a small cluster, in this process, and questions to them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use dunnage::edge::clock::Clock;
use dunnage::edge::extender::{self, Settings};
use dunnage::edge::shared::Shared;
use dunnage::edge::{admin, registry};
use dunnage::model::image::Platform;
use dunnage::model::node::{NodeFacts, ReportedImage};
use dunnage::model::pod::{PodFacts, PodImage};
use dunnage::policy::Policy;
use dunnage::policy::interest::Interest;
use dunnage::state::event::{Event, Kind};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

/// Ten times what an exchange may take: a machine that also compiles is slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// So short that a test can await its end, and longer than one look-up and what is asked meanwhile.
pub const TAG_LIFETIME: Duration = Duration::from_secs(2);
const SETTINGS: Settings =
    Settings { deadline: Duration::from_secs(30), body_bytes_max: 1 << 20, shadow: false };

/// A cluster of one node per platform, its resolver, and its ports.
pub struct Rig {
    pub shared: Arc<Shared>,
    nodes: Vec<String>,
    extender: Router,
    admin: Router,
    resolver: JoinHandle<()>,
    _dir: TempDir,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.resolver.abort();
    }
}

impl Rig {
    /// With `hosts.toml` files by registry, and nodes of these platforms that hold nothing.
    pub fn start(hosts: &[(&str, String)], platforms: &[&str]) -> Result<Self> {
        Self::with_docker_config(hosts, platforms, None)
    }

    /// The same, with a docker config.
    pub fn with_docker_config(
        hosts: &[(&str, String)],
        platforms: &[&str],
        docker_config: Option<Value>,
    ) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        for (registry, text) in hosts {
            write_hosts(&dir.path().join("hosts"), registry, text)?;
        }
        let config = dir.path().join("config.json");
        let docker_config = docker_config
            .map(|text| std::fs::write(&config, text.to_string()).map(|()| config))
            .transpose()?;
        let policy = Policy::named("default").expect("comes with the program");
        let shared = Arc::new(Shared::new(policy, Interest::default(), Clock::Real));
        let settings = registry::Settings {
            docker_config,
            hosts_dir: Some(dir.path().join("hosts")),
            secrets: None,
            tag_lifetime: TAG_LIFETIME,
        };
        let resolver = tokio::spawn(registry::run(settings, shared.clone())?);
        let extender = extender::router(shared.clone(), SETTINGS);
        let admin = admin::router(shared.clone());
        let nodes = platforms.iter().map(|platform| platform.replace('/', "-")).collect();
        let rig = Self { shared, nodes, extender, admin, resolver, _dir: dir };
        for kind in [Kind::Nodes, Kind::Pods] {
            rig.shared.apply(Event::ResyncStarted(kind));
            platforms.iter().for_each(|platform| rig.report(platform, &[]));
            rig.shared.apply(Event::ResyncEnded(kind));
        }
        Ok(rig)
    }

    /// The node of a platform reports images by name and size.
    pub fn report(&self, platform: &str, images: &[(&[&str], u64)]) {
        let reported = |(names, size_bytes): &(&[&str], u64)| ReportedImage {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            size_bytes: *size_bytes,
        };
        self.shared.apply(Event::NodeApplied(NodeFacts {
            name: platform.replace('/', "-"),
            platform: Platform::parse(platform).expect("a platform"),
            labels: BTreeMap::new(),
            group: String::new(),
            zone: String::new(),
            kubelet_minor: 37,
            images: images.iter().map(reported).collect(),
            ..NodeFacts::default()
        }));
    }

    /// A pod of this image is seen bound to the node of a platform.
    pub fn bind(&self, platform: &str, image: &str) {
        let image = PodImage { reference: image.to_owned(), ..PodImage::default() };
        self.shared.apply(Event::PodApplied(PodFacts {
            uid: image.reference.clone(),
            namespace: "steps".to_owned(),
            name: "pod".to_owned(),
            is_step: true,
            node: Some(platform.replace('/', "-")),
            images: vec![image],
            ..PodFacts::default()
        }));
    }

    /// A scheduler asks about a step pod of this image; the answer.
    pub async fn ask(&self, image: &str) -> Result<String> {
        let pod = json!({"metadata": {"name": "step", "namespace": "steps", "uid": image},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}});
        let body = json!({"Pod": pod, "NodeNames": self.nodes}).to_string();
        let request = Request::post("/prioritize").body(Body::from(body))?;
        let response = self.extender.clone().oneshot(request).await?;
        Ok(String::from_utf8(to_bytes(response.into_body(), usize::MAX).await?.into())?)
    }

    /// A page of the admin port.
    pub async fn get(&self, path: &str) -> Result<String> {
        let request = Request::get(path).body(Body::empty())?;
        let response = self.admin.clone().oneshot(request).await?;
        Ok(String::from_utf8(to_bytes(response.into_body(), usize::MAX).await?.into())?)
    }

    /// The entries of the images' page that have a name and run on a platform.
    pub async fn images(&self, reference: &str, platform: &str) -> Result<Vec<Value>> {
        let list: Value = serde_json::from_str(&self.get("/api/v1/images").await?)?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let has_name = |image: &Value| {
            let mut names = image["references"].as_array().into_iter().flatten();
            names.any(|name| name == reference) && image["platform"] == platform
        };
        Ok(items.into_iter().filter(has_name).collect())
    }

    /// Waits until an image is listed as `wanted`, and gives its entry.
    pub async fn await_image(
        &self,
        reference: &str,
        platform: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let images = self.images(reference, platform).await?;
            if let Some(image) = images.iter().find(|image| wanted(image)) {
                return Ok(image.clone());
            }
            if Instant::now() > deadline {
                bail!("{reference} on {platform} not as wanted: {images:#?}");
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until an image's layers are known, and gives its entry.
    pub async fn await_layers(&self, reference: &str, platform: &str) -> Result<Value> {
        self.await_image(reference, platform, |image| image["layers"].is_u64()).await
    }

    /// Waits until it is said why an image's layers are unknown, and gives the reason.
    pub async fn await_reason(&self, reference: &str, platform: &str) -> Result<String> {
        let image =
            self.await_image(reference, platform, |image| image["unresolved"].is_string()).await?;
        Ok(image["unresolved"].as_str().unwrap_or_default().to_owned())
    }

    /// The sum of all metric lines that start with a name.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let text = self.get("/metrics").await?;
        let lines = text.lines().filter(|line| line.starts_with(name));
        let value =
            |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        Ok(lines.filter_map(value).sum())
    }

    /// Waits until a page of the admin port is as wanted.
    pub async fn await_page(
        &self,
        path: &str,
        wanted: impl AsyncFn(&str) -> Result<bool>,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = self.get(path).await?;
            if wanted(&page).await? {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{path} not as wanted:\n{:.2000}\n{}", page, self.get("/metrics").await?);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks about an image until a metric has at least a value.
    pub async fn await_metric(&self, name: &str, value: f64, image: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.metric(name).await? < value {
            if Instant::now() > deadline {
                bail!("{name} below {value}:\n{}", self.get("/metrics").await?);
            }
            self.ask(image).await?;
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Writes the `hosts.toml` of a registry.
pub fn write_hosts(folder: &Path, registry: &str, text: &str) -> Result<()> {
    std::fs::create_dir_all(folder.join(registry))?;
    std::fs::write(folder.join(registry).join("hosts.toml"), text)?;
    Ok(())
}

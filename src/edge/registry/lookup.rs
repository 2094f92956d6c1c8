//! From a reference and a platform to layers: the steps, and what is remembered between them.
//!
//! Documents are kept by digest for ever, bounded by bytes. Two that want one at the same time both ask,
//! each with its own credentials: a refusal of one is none of the other. What a tag means is asked again
//! after a while, by HEAD first, which costs a registry's quota nothing.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oci_distribution::Reference;

use crate::edge::registry::Settings;
use crate::edge::registry::api::{Api, Repository};
use crate::edge::registry::connection;
use crate::edge::registry::document::{self, Config, Document, Entry, Manifest};
use crate::edge::registry::failure::{Failure, Kind};
use crate::edge::registry::hosts::{self, Host};
use crate::edge::registry::keys::Keys;
use crate::edge::registry::platform;
use crate::edge::shared::Shared;
use crate::edge::unresolved::Target;
use crate::model::image::{ImageFacts, Platform};
use crate::model::unit::Time;

/// Documents kept, in bytes as estimated: some 20,000 images of ten layers.
const DOCUMENT_BYTES_MAX: u64 = 64 << 20;
/// Tags whose meaning is remembered: 300 bytes each.
const TAGS_MAX: u64 = 20_000;
/// Images that the tracker is to know from here beyond those on nodes: two to three kilobytes each. A CI
/// system makes new ones without end.
pub(super) const TOLD_MAX: usize = 10_000;
/// Of too many, so many are taken back at a time.
pub(super) const TAKEN_BACK_MAX: usize = 256;
/// Indexes within indexes: one is seen, two never.
const INDEX_DEPTH_MAX: usize = 3;
/// `hosts.toml` files are read anew after this, so that no restart is needed.
const HOSTS_LIFETIME: Duration = Duration::from_secs(30);
/// Registries whose hosts are remembered.
const REGISTRIES_MAX: u64 = 1_000;

/// What a reference was found to mean.
#[derive(Clone, Debug)]
struct Meaning {
    digest: String,
    asked_at: Instant,
}

/// Looks images up.
#[derive(Debug)]
pub struct Lookup {
    shared: Arc<Shared>,
    api: Api,
    keys: Keys,
    hosts_dir: Option<PathBuf>,
    tag_lifetime: Duration,
    plain: reqwest::Client,
    hosts: moka::future::Cache<String, Arc<Result<Vec<Host>, String>>>,
    documents: moka::sync::Cache<String, Arc<Document>>,
    meanings: moka::sync::Cache<(String, Platform), Meaning>,
    /// Images that the tracker has from here, by manifest, the longest known first.
    told: Mutex<VecDeque<(String, Platform)>>,
}

impl Lookup {
    /// A look-up without memories.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(settings: Settings, shared: Arc<Shared>) -> reqwest::Result<Self> {
        let weigh = |digest: &String, document: &Arc<Document>| {
            u32::try_from(digest.len() + document.bytes()).unwrap_or(u32::MAX)
        };
        let documents =
            moka::sync::Cache::builder().weigher(weigh).max_capacity(DOCUMENT_BYTES_MAX).build();
        let hosts = moka::future::Cache::builder()
            .max_capacity(REGISTRIES_MAX)
            .time_to_live(HOSTS_LIFETIME)
            .build();
        Ok(Self {
            api: Api::new(shared.metrics.resolver.requests.clone()),
            plain: connection::plain_client()?,
            meanings: moka::sync::Cache::new(TAGS_MAX),
            told: Mutex::default(),
            shared,
            keys: Keys::new(settings.docker_config, settings.secrets),
            hosts_dir: settings.hosts_dir,
            tag_lifetime: settings.tag_lifetime,
            hosts,
            documents,
        })
    }

    /// Bytes of documents kept, as estimated.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        // Else what was put in a moment ago is not counted.
        self.documents.run_pending_tasks();
        self.documents.weighted_size()
    }

    /// Whether what a target means was asked a short while ago, or, of a digest, ever, and is known still.
    #[must_use]
    pub fn is_fresh(&self, target: &Target) -> bool {
        let meaning = self.meanings.get(&(target.reference.clone(), target.platform.clone()));
        meaning.is_some_and(|meaning| {
            let is_new = meaning.asked_at.elapsed() < self.tag_lifetime;
            (is_new || target.reference.contains('@')) && self.is_current(target, &meaning.digest)
        })
    }

    /// Whether the tracker takes a target for the image of a digest.
    fn is_current(&self, target: &Target, digest: &str) -> bool {
        let tracker = self.shared.read();
        let cluster = tracker.cluster();
        let ids = cluster.name_ids(&target.reference);
        let image = cluster.current_image(ids, cluster.known_platform(&target.platform));
        let digest = cluster.digest_id(digest);
        image.is_some_and(|image| digest.is_some_and(|d| cluster.image(image).digests.contains(&d)))
    }

    /// Images by manifest that may be taken back, as the tracker has many from here; the longest known
    /// first. Those that are still needed are to be given back to [`Lookup::keep`].
    pub fn surplus(&self) -> Vec<(String, Platform)> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let surplus = told.len().saturating_sub(TOLD_MAX).min(TAKEN_BACK_MAX);
        told.drain(..surplus).collect()
    }

    /// Notes that the tracker has an image from here.
    pub fn keep(&self, image: (String, Platform)) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push_back(image);
    }

    /// Looks a target up. `None` if it means what it meant before.
    ///
    /// # Errors
    /// If it cannot be found, read or used.
    pub async fn find(&self, target: &Target) -> Result<Option<ImageFacts>, Failure> {
        let reference: Reference = target
            .reference
            .parse()
            .map_err(|_| Failure::new(Kind::NotAsked, "not a name that a registry could have"))?;
        let repository = self.repository(&reference, target).await?;
        let key = (target.reference.clone(), target.platform.clone());
        let before = self.meanings.get(&key).map(|meaning| meaning.digest);
        let asked_at = Instant::now();
        let digest = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.to_owned(),
            (None, tag) => {
                self.digest_of(&repository, tag.unwrap_or("latest"), before.as_deref()).await?
            }
        };
        if self.is_current(target, &digest) {
            self.meanings.insert(key, Meaning { digest, asked_at });
            return Ok(None);
        }
        let facts = self.image(&repository, target, &digest).await?;
        self.meanings.insert(key, Meaning { digest, asked_at });
        Ok(Some(self.dated(facts, target)))
    }

    /// The facts with the time from which on their reference means them: now, if it meant something else
    /// or the image is new. An image that is known already keeps its time, or it would pass for the
    /// newest under its other names, too.
    fn dated(&self, mut facts: ImageFacts, target: &Target) -> ImageFacts {
        let tracker = self.shared.read();
        let cluster = tracker.cluster();
        let platform = cluster.known_platform(&target.platform);
        let manifest = facts.digests.first().cloned().unwrap_or_default();
        let own = platform.and_then(|platform| cluster.image_of(&manifest, platform));
        let current = cluster.current_image(cluster.name_ids(&target.reference), platform);
        if own.is_none() {
            self.keep((manifest, target.platform.clone()));
        }
        if own.is_none() || current.is_some_and(|current| own != Some(current)) {
            facts.published_at = self.shared.clock.now();
        }
        facts
    }

    async fn repository(
        &self,
        reference: &Reference,
        target: &Target,
    ) -> Result<Repository, Failure> {
        let registry = reference.registry();
        let (mut hosts, mut unread) = (Vec::new(), Vec::new());
        for host in self.hosts_of(registry).await? {
            let (credentials, of_host) = self.keys.for_host(&host, target.holder.as_deref()).await;
            hosts.push((host, credentials));
            unread.extend(of_host);
        }
        // Each host asks for the same.
        unread.sort();
        unread.dedup();
        Ok(Repository { name: reference.repository().to_owned(), hosts, unread })
    }

    async fn hosts_of(&self, registry: &str) -> Result<Vec<Host>, Failure> {
        let read = async {
            let (name, folder, plain) =
                (registry.to_owned(), self.hosts_dir.clone(), self.plain.clone());
            let read = move || hosts::hosts_of(&name, folder.as_deref(), &plain);
            let read = tokio::task::spawn_blocking(read).await;
            Arc::new(read.unwrap_or_else(|error| Err(error.to_string())))
        };
        let hosts = self.hosts.get_with_by_ref(registry, read).await;
        (*hosts).clone().map_err(|reason| Failure::new(Kind::NotAsked, reason))
    }

    /// The digest a tag has now; its manifest is kept if it had to be read for that.
    async fn digest_of(
        &self,
        repository: &Repository,
        tag: &str,
        before: Option<&str>,
    ) -> Result<String, Failure> {
        if let Some(before) = before {
            let now = self.api.digest_of_tag(repository, tag).await?;
            if now.as_deref() == Some(before) {
                return Ok(before.to_owned());
            }
        }
        let (digest, body) = self.api.tagged_manifest(repository, tag).await?;
        self.documents.insert(digest.clone(), Arc::new(document::manifest(&body)?));
        Ok(digest)
    }

    async fn image(
        &self,
        repository: &Repository,
        target: &Target,
        root: &str,
    ) -> Result<ImageFacts, Failure> {
        let mut indexes = Vec::new();
        let mut digest = root.to_owned();
        let manifest = loop {
            match &*self.manifest(repository, &digest).await? {
                Document::Manifest(manifest) => break manifest.clone(),
                Document::Index(entries) if indexes.len() < INDEX_DEPTH_MAX => {
                    let entry = entry_for(&target.platform, entries)?;
                    indexes.push(std::mem::replace(&mut digest, entry));
                }
                _ => return Err(Failure::new(Kind::Invalid, "an index of indexes of indexes")),
            }
        };
        let config = self.config(repository, &manifest.config).await?;
        if !config.platform.runs_on(&target.platform) && !config.platform.os.is_empty() {
            return Err(not_for(&target.platform));
        }
        let digests = [digest, manifest.config.clone()].into_iter().chain(indexes).collect();
        facts(target, digests, manifest, &config)
    }

    async fn manifest(
        &self,
        repository: &Repository,
        digest: &str,
    ) -> Result<Arc<Document>, Failure> {
        if let Some(known) = self.documents.get(digest) {
            return Ok(known);
        }
        let body = self.api.manifest(repository, digest).await?;
        let document = Arc::new(document::manifest(&body)?);
        self.documents.insert(digest.to_owned(), document.clone());
        Ok(document)
    }

    async fn config(&self, repository: &Repository, digest: &str) -> Result<Config, Failure> {
        let document = if let Some(known) = self.documents.get(digest) {
            known
        } else {
            let body = self.api.blob(repository, digest).await?;
            let document = Arc::new(document::config(&body)?);
            self.documents.insert(digest.to_owned(), document.clone());
            document
        };
        match &*document {
            Document::Config(config) => Ok(config.clone()),
            _ => Err(Failure::new(Kind::Invalid, "its config is a manifest")),
        }
    }
}

fn entry_for(platform: &Platform, entries: &[Entry]) -> Result<String, Failure> {
    let chosen = platform::choose(platform, entries.iter().map(|entry| entry.platform.as_ref()));
    chosen.map(|at| entries[at].digest.clone()).ok_or_else(|| not_for(platform))
}

fn not_for(platform: &Platform) -> Failure {
    Failure::new(Kind::NotRunnable, format!("no image for {platform}"))
}

fn facts(
    target: &Target,
    digests: Vec<String>,
    manifest: Manifest,
    config: &Config,
) -> Result<ImageFacts, Failure> {
    let (layers, ids) = (manifest.layers.len(), config.diff_ids.len());
    if layers != ids {
        let reason = format!("{layers} layers in the manifest, {ids} in the config");
        return Err(Failure::new(Kind::Invalid, reason));
    }
    let mut layers = manifest.layers;
    for (layer, id) in layers.iter_mut().zip(&config.diff_ids) {
        layer.diff_id = Some(id.clone());
    }
    Ok(ImageFacts {
        digests,
        references: vec![target.reference.clone()],
        // Of its own variant nothing is said: it was chosen for this platform, and runs there.
        platform: target.platform.clone(),
        layers,
        published_at: Time::default(),
    })
}

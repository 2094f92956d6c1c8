//! Where a registry's images are asked for: itself, or what a `hosts.toml` says.
//!
//! The folder is containerd's (`docs/hosts.md` there): `<host>_<port>_`, `<host>:<port>` or `_default`,
//! each with a `hosts.toml`, whose mirrors are tried in the order written, the server last; or, without
//! one, with certificates as Docker lays them out ([`docker_files`]). It is read anew from time to time, as
//! containerd does. Two differences: a broken file keeps the registry from being asked, with the reason,
//! instead of being passed over; and a scheme is taken as written.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::edge::registry::connection;

/// One address that serves a registry's API.
#[derive(Clone, Debug)]
pub struct Host {
    /// Of the API, with its `/v2` where there is one, without a slash at the end.
    pub root: Url,
    /// Trusted to say what a tag means, not only to hand out what a digest names.
    pub resolves: bool,
    /// Takes what is pushed.
    pub pushes: bool,
    /// The registry it stands in for, which it is told; `None` for the registry itself.
    pub mirrored: Option<String>,
    /// Whose credentials it gets: the registry's if it is that or its `server`, else its own name's.
    pub login: String,
    /// Sent along with every request.
    pub headers: HeaderMap,
    /// With this host's certificates, proxy and time to connect.
    pub client: reqwest::Client,
}

impl Host {
    /// Where it has something of a repository.
    #[must_use]
    pub fn url(&self, repository: &str, path: &str) -> Url {
        let mut url = self.root.clone();
        let root = self.root.path().trim_end_matches('/');
        url.set_path(&format!("{root}/{repository}/{path}"));
        url
    }

    /// The same for reading: one that stands in for a registry is told for which.
    #[must_use]
    pub fn pull_url(&self, repository: &str, path: &str) -> Url {
        let mut url = self.url(repository, path);
        if let Some(registry) = &self.mirrored {
            url.query_pairs_mut().append_pair("ns", registry);
        }
        url
    }
}

/// What a table of `hosts.toml` may say of one host. Unknown keys are passed over, as there.
#[derive(Debug, Default, Deserialize)]
struct Settings {
    capabilities: Option<Vec<String>>,
    ca: Option<OneOrMore<PathBuf>>,
    client: Option<OneOrMore<OneOrMore<PathBuf>>>,
    skip_verify: Option<bool>,
    #[serde(default)]
    header: BTreeMap<String, OneOrMore<String>>,
    #[serde(default)]
    override_path: bool,
    dial_timeout: Option<String>,
    proxy: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct File {
    server: Option<String>,
    // A table that keeps its order.
    #[serde(default)]
    host: toml::Table,
    #[serde(flatten)]
    of_server: Settings,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

/// The hosts of a registry, in the order to try; none if it shall not be asked.
///
/// # Errors
/// If its `hosts.toml` cannot be used, or names what cannot be read: file and reason.
pub fn hosts_of(
    registry: &str,
    folder: Option<&Path>,
    plain: &reqwest::Client,
) -> Result<Vec<Host>, String> {
    let Some(folder) = folder.and_then(|folder| folder_of(registry, folder)) else {
        return Ok(own(registry, plain)?.into_iter().collect());
    };
    let file = folder.join("hosts.toml");
    let placed = |error: String| format!("{}: {error}", file.display());
    let read = match std::fs::read_to_string(&file) {
        Ok(text) => toml::from_str(&text).map_err(|error| error.to_string().trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => docker_files(&folder),
        Err(error) => Err(error.to_string()),
    };
    read.and_then(|file| all(registry, file, &folder, plain)).map_err(placed)
}

/// What a folder without `hosts.toml` says: of each `.crt` that it is a CA, of each `.cert` that it is ours,
/// its key beside it as `.key`; by name.
fn docker_files(folder: &Path) -> Result<File, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let of = |extension: &str| {
        let has = |file: &&PathBuf| file.extension().is_some_and(|own| own == extension);
        files.iter().filter(has).cloned().collect::<Vec<_>>()
    };
    let pair = |file: PathBuf| OneOrMore::More(vec![file.clone(), file.with_extension("key")]);
    let (ca, client) = (of("crt"), of("cert"));
    let of_server = Settings {
        ca: (!ca.is_empty()).then_some(OneOrMore::More(ca)),
        client: (!client.is_empty())
            .then(|| OneOrMore::More(client.into_iter().map(pair).collect())),
        ..Settings::default()
    };
    Ok(File { of_server, ..File::default() })
}

fn folder_of(registry: &str, folder: &Path) -> Option<PathBuf> {
    let with_port = registry.rsplit_once(':').map(|(host, port)| format!("{host}_{port}_"));
    let names = with_port.into_iter().chain([registry.to_owned(), "_default".to_owned()]);
    // A registry's name is the user's: it must stay one name inside the folder.
    let mut folders = names.filter(|name| !name.contains('/') && !name.starts_with('.'));
    folders.find_map(|name| Some(folder.join(name)).filter(|folder| folder.is_dir()))
}

/// The registry itself, by HTTPS; `None` for a loopback address, which is another machine on every node and
/// not ours.
fn own(registry: &str, plain: &reqwest::Client) -> Result<Option<Host>, String> {
    let name = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
    let root = url(&format!("https://{name}"), false)?;
    if is_loopback(&root) {
        return Ok(None);
    }
    let (headers, client, login) = (HeaderMap::new(), plain.clone(), registry.to_owned());
    Ok(Some(Host { root, resolves: true, pushes: true, mirrored: None, login, headers, client }))
}

/// Every host that a file names.
fn all(
    registry: &str,
    file: File,
    folder: &Path,
    plain: &reqwest::Client,
) -> Result<Vec<Host>, String> {
    let mut hosts = Vec::new();
    for (address, settings) in file.host {
        let settings = settings.try_into().map_err(|error| format!("host {address:?}: {error}"))?;
        hosts.extend(host(registry, &address, &settings, folder, plain)?);
    }
    match &file.server {
        Some(server) => {
            let server = host(registry, server, &file.of_server, folder, plain)?;
            hosts.extend(server.map(|server| Host { login: registry.to_owned(), ..server }));
        }
        None => {
            if let Some(own) = own(registry, plain)? {
                let client = client(&file.of_server, folder, plain)?;
                hosts.push(Host { headers: headers(&file.of_server)?, client, ..own });
            }
        }
    }
    Ok(hosts)
}

/// One host as written; `None` for one that is not to be pulled from.
fn host(
    registry: &str,
    address: &str,
    settings: &Settings,
    folder: &Path,
    plain: &reqwest::Client,
) -> Result<Option<Host>, String> {
    let can = |what: &str| {
        let capabilities = settings.capabilities.as_deref().unwrap_or_default();
        capabilities.is_empty() || capabilities.iter().any(|can| can.eq_ignore_ascii_case(what))
    };
    if !can("pull") {
        return Ok(None);
    }
    let root = url(address, settings.override_path)?;
    let own_name = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
    let is_own = root.authority() == own_name;
    Ok(Some(Host {
        resolves: can("resolve"),
        pushes: can("push"),
        mirrored: (!is_own).then(|| registry.to_owned()),
        login: if is_own { registry } else { root.authority() }.to_owned(),
        headers: headers(settings)?,
        client: client(settings, folder, plain)?,
        root,
    }))
}

/// An address as the root of an API.
fn url(address: &str, is_whole: bool) -> Result<Url, String> {
    let whole =
        if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
    let bad = |error: String| format!("{address:?} is no address of a registry: {error}");
    let mut url = Url::parse(&whole).map_err(|error| bad(error.to_string()))?;
    if !url.has_host() || !matches!(url.scheme(), "http" | "https") {
        return Err(bad("expected http:// or https:// and a host".to_owned()));
    }
    let mut path = url.path().trim_end_matches('/').to_owned();
    if !is_whole && !path.ends_with("/v2") {
        path.push_str("/v2");
    }
    url.set_path(&path);
    Ok(url)
}

fn headers(settings: &Settings) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, values) in &settings.header {
        let bad = || format!("header {name:?}: not one that HTTP allows");
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        for value in values.as_slice() {
            headers.append(parsed.clone(), HeaderValue::from_str(value).map_err(|_| bad())?);
        }
    }
    Ok(headers)
}

/// The common client where nothing special is asked, so that connections are shared.
fn client(
    settings: &Settings,
    folder: &Path,
    plain: &reqwest::Client,
) -> Result<reqwest::Client, String> {
    let Settings {
        ca: None, client: None, skip_verify: None, dial_timeout: None, proxy: None, ..
    } = settings
    else {
        return special_client(settings, folder);
    };
    Ok(plain.clone())
}

fn special_client(settings: &Settings, folder: &Path) -> Result<reqwest::Client, String> {
    let read = |file: &PathBuf| {
        let file = folder.join(file);
        std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))
    };
    let text = |error: reqwest::Error| error.to_string();
    let mut builder = connection::builder();
    for file in settings.ca.iter().flat_map(OneOrMore::as_slice) {
        let certificates = reqwest::Certificate::from_pem_bundle(&read(file)?).map_err(text)?;
        builder = builder.tls_certs_merge(certificates);
    }
    for pair in settings.client.iter().flat_map(OneOrMore::as_slice) {
        let mut pem = Vec::new();
        for file in pair.as_slice().iter().filter(|file| !file.as_os_str().is_empty()) {
            pem.extend(read(file)?);
            pem.push(b'\n');
        }
        builder = builder.identity(reqwest::Identity::from_pem(&pem).map_err(text)?);
    }
    if let Some(time) = &settings.dial_timeout {
        let time = humantime::parse_duration(time)
            .map_err(|error| format!("dial_timeout {time:?}: {error}"))?;
        builder = builder
            .connect_timeout(time.min(connection::CONNECT_MAX).max(Duration::from_millis(1)));
    }
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(text)?);
    }
    builder = builder.tls_danger_accept_invalid_certs(settings.skip_verify == Some(true));
    builder.build().map_err(text)
}

/// Asked of the parsed address: `127.1` and `2130706433` are loopback, too.
fn is_loopback(root: &Url) -> bool {
    let host = root.host_str().unwrap_or_default();
    let host = host.trim_matches(['[', ']']).trim_end_matches('.');
    let is_own = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| is_own(address.to_canonical()))
}

#[cfg(test)]
mod tests;

//! Image references as one canonical name, so that spellings of one image compare equal.
//!
//! `golang`, `docker.io/golang:latest` and `index.docker.io/library/golang` are one name. The rules
//! are those of the distribution project's `reference/normalize.go`; a property test holds them
//! against an independent implementation. Nothing is refused for its characters: a name that no
//! registry would take simply never matches.

/// One image reference in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    canonical: String,
    digest_start: Option<usize>,
}

/// Schemes that older runtimes put before an image id (cri-dockerd; kubelet before 1.24).
const RUNTIME_SCHEMES: [&str; 2] = ["docker-pullable://", "docker://"];

impl Reference {
    /// The canonical form of `text`; `None` for an empty name or one with white space.
    ///
    /// A digest wins over a tag (`name:tag@digest` is `name@digest`), as in containerd's store. A
    /// bare `sha256:…` is an image id: only its digest is kept. Without tag and digest the tag is
    /// `latest`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = RUNTIME_SCHEMES.iter().find_map(|s| text.strip_prefix(s)).unwrap_or(text);
        if text.is_empty() || text.contains(char::is_whitespace) {
            return None;
        }
        if is_digest(text) {
            return Some(Self { canonical: text.to_owned(), digest_start: Some(0) });
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) if is_digest(digest) => (named, Some(digest)),
            Some(_) => return None,
            None => (text, None),
        };
        let (path, tag) = split_tag(named);
        if path.is_empty() {
            return None;
        }
        Some(Self::assemble(path, tag, digest))
    }

    fn assemble(path: &str, tag: Option<&str>, digest: Option<&str>) -> Self {
        let (registry, repository) = split_registry(path);
        let mut canonical = String::with_capacity(path.len() + 96);
        canonical.push_str(registry);
        canonical.push('/');
        if registry == "docker.io" && !repository.contains('/') {
            canonical.push_str("library/");
        }
        canonical.push_str(repository);
        let digest_start = digest.map(|digest| {
            canonical.push('@');
            canonical.push_str(digest);
            canonical.len() - digest.len()
        });
        if digest.is_none() {
            canonical.push(':');
            canonical.push_str(tag.unwrap_or("latest"));
        }
        Self { canonical, digest_start }
    }

    /// The whole canonical name: `docker.io/library/golang:1.9` or `host/name@sha256:…`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    /// The digest, if the reference names one.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest_start.map(|start| &self.canonical[start..])
    }

    /// Whether the tag is `latest`, for which the API server's default pull policy is `Always`.
    #[must_use]
    pub fn is_latest(&self) -> bool {
        self.digest_start.is_none() && self.canonical.ends_with(":latest")
    }
}

/// Whether `text` looks like a digest: `algorithm:hex`, at least 32 hex digits (OCI descriptor rules).
#[must_use]
pub fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || b"+._-".contains(&b))
            && hex.len() >= 32
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

fn split_tag(named: &str) -> (&str, Option<&str>) {
    match named.rsplit_once(':') {
        // A colon before a slash belongs to the registry's port.
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (named, None),
    }
}

fn split_registry(path: &str) -> (&str, &str) {
    match path.split_once('/') {
        Some((first, rest)) if is_registry(first) => match first {
            "index.docker.io" => ("docker.io", rest),
            _ => (first, rest),
        },
        _ => ("docker.io", path),
    }
}

fn is_registry(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.bytes().any(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests;
